#!/bin/bash
# The job of the applet: inputs into one study folder, every stage in a container without network, results back to the project.
# The platform runs main() with each input as a variable; files of an input lie in ~/in/INPUT/ after dx-download-all-inputs.
set -euo pipefail

HERE="$HOME"
STUDY="$HERE/study"
LOG="$HERE/ecgwas.log"
IMAGE=""
LIMIT=()

say() { printf '%s\n' "$*" | tee -a "$LOG"; }

# fail MESSAGE: ends the job with a message that the platform shows.
fail() {
  dx-jobutil-report-error "$1" AppError
  exit 1
}

# move_files INPUT FOLDER: the files of an input into a folder, each under its own name.
move_files() {
  [ -d "$HERE/in/$1" ] || return 0
  mkdir -p "$2"
  local path
  while IFS= read -r -d '' path; do
    [ ! -e "$2/$(basename "$path")" ] || fail "two files of input $1 are called $(basename "$path"): rename one"
    mv -- "$path" "$2/"
  done < <(find "$HERE/in/$1" -type f -print0)
}

# the_file INPUT: where the one file of an input lies; empty without it.
the_file() {
  [ ! -d "$HERE/in/$1" ] || find "$HERE/in/$1" -type f -print -quit
}

# Recordings into ecg/: a folder of the project through its mount or by download, or else an archive.
place_recordings() {
  mkdir -p "$STUDY/ecg"
  local folder="${recordings_folder:-}" archive
  archive="$(the_file recordings)"
  if [ -n "$folder" ] && [ -d "/mnt/project/${folder#/}" ]; then
    cp -r --preserve=timestamps -- "/mnt/project/${folder#/}/." "$STUDY/ecg/"
  elif [ -n "$folder" ]; then
    dx download --recursive --no-progress --output "$STUDY/ecg" "${DX_PROJECT_CONTEXT_ID:?}:/${folder#/}"
  elif [ -n "$archive" ]; then
    tar -xf "$archive" -C "$STUDY/ecg"
    rm -- "$archive"
  fi
}

# Parts are fresh by name, size and time of change of their inputs: one time for all, whenever they were downloaded.
place_inputs() {
  mkdir -p "$STUDY"
  local study_file earlier
  study_file="$(the_file study)"
  mv -- "$study_file" "$STUDY/study.yaml"
  move_files tables "$STUDY"
  move_files genotypes "$STUDY/genotypes"
  move_files references "$STUDY/references"
  place_recordings
  find "$STUDY" -type f -exec touch -d @1000000000 {} +
  earlier="$(the_file earlier_results)"
  if [ -n "$earlier" ]; then tar -xf "$earlier" -C "$STUDY"; fi
}

# The name of the image, as docker load prints it: `Loaded image: NAME`, or `Loaded image ID: sha256:...` without a name.
load_image() {
  local printed
  printed="$(docker load --quiet --input "$(the_file image)")"
  IMAGE="$(sed -n -e 's/^Loaded image: //p' -e 's/^Loaded image ID: //p' <<<"$printed" | sed -n 1p)"
  [ -n "$IMAGE" ] || fail "the input image holds no container image: make it with docker save"
}

# ecgwas ARGUMENTS: in the container, as this user, without network, seeing nothing but the study's folder.
ecgwas() {
  "${LIMIT[@]}" docker run --rm --init --network none --user "$(id -u):$(id -g)" --env HOME=/tmp \
    --volume "$STUDY:/study" --workdir /study "$IMAGE" "$@"
}

# How many parts are computed at the same time: as many as there are cores, and memory for the largest part of the plan.
parallel_jobs() {
  if [ "${jobs:-0}" -gt 0 ]; then
    echo "$jobs"
    return
  fi
  python3 - "$STUDY/results/plan.json" "$(nproc)" <<'END'
import json
import sys

with open(sys.argv[1]) as file:
    parts = [part for stage in json.load(file).values() for part in stage.values()]
with open("/proc/meminfo") as file:
    free_mib = int(dict(line.split(":") for line in file)["MemAvailable"].split()[0]) / 1024
needed_mib = 300 + max(part["memory_mib"] for part in parts)
print(max(1, min(int(sys.argv[2]), int(0.9 * free_mib / needed_mib))))
END
}

# The run, stopped after max_hours by SIGTERM, which keeps finished parts. Returns the exit code of ecgwas, or 124 if stopped.
run_study() {
  local code=0 count options=()
  count="$(parallel_jobs)"
  say "$count parts at the same time"
  if [ "$count" -gt 1 ]; then options=(--on local --jobs "$count"); fi
  LIMIT=(timeout --signal=TERM --kill-after=10m "${max_hours:-200}h")
  ecgwas run study.yaml "${options[@]}" 2>&1 | tee -a "$LOG" || code="${PIPESTATUS[0]}"
  LIMIT=()
  return "$code"
}

# Packs and uploads results/share after an audit without findings; anything else stays private.
upload_share() {
  local code=0
  ecgwas audit results/share >"$HERE/audit.txt" 2>&1 || code=$?
  say "$(cat "$HERE/audit.txt")"
  if [ "$code" -ne 0 ]; then
    say "results/share is not uploaded: the audit ended with exit code $code"
    return 0
  fi
  tar -czf "$HERE/share.tar.gz" -C "$STUDY/results" share
  dx-jobutil-add-output share "$(dx upload --brief "$HERE/share.tar.gz")" --class=file
}

main() {
  local code=0
  : >"$LOG"
  dx-download-all-inputs --parallel
  load_image
  place_inputs
  ecgwas --version | tee -a "$LOG"
  ecgwas check study.yaml 2>&1 | tee -a "$LOG" || fail "the inputs have mistakes: see the log of this job"
  ecgwas plan study.yaml 2>&1 | tee -a "$LOG" || fail "the study does not fit this instance: see the log of this job"
  run_study || code=$?
  if [ "$code" -eq 0 ]; then
    upload_share
  elif [ "$code" -eq 124 ]; then
    say "stopped after ${max_hours:-200} hours: give results as earlier_results to the next job"
  else
    say "ecgwas run ended with exit code $code: remove the cause, then give results as earlier_results to the next job"
  fi
  mkdir -p "$STUDY/results"
  tar -cf "$HERE/results.tar" --exclude='*.lock' -C "$STUDY" results
  dx-jobutil-add-output results "$(dx upload --brief "$HERE/results.tar")" --class=file
  dx-jobutil-add-output log "$(dx upload --brief "$LOG")" --class=file
  dx-jobutil-add-output finished "$([ "$code" -eq 0 ] && echo true || echo false)" --class=boolean
}
