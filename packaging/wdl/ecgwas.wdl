version 1.1

# A study of ecgwas: inputs checked and planned, every stage run, what may be shared kept apart from what may not.
# The study file names its inputs as they lie in the study's folder: recordings in ecg/, genotypes in genotypes/, gene tables
# in references/, all other tables beside study.yaml.
workflow ecgwas {
  meta {
    description: "Genetics of the electrocardiogram: recordings and genotypes in, loci, genes and a report out"
  }

  parameter_meta {
    study: "study.yaml; its paths are relative: ecg, genotypes/..., references/..., covariates.tsv"
    tables: "covariates, lists of participants, recordings.csv, feature tables"
    genotypes: "PLINK or BGEN files with their lists of variants and samples"
    recordings: "archive (.tar, .tar.gz) that holds the recordings, with folders or without; none if features come from tables"
    references: "gene tables, networks and terms"
    by_chromosome: "true: stage scan runs as one task per chromosome; each task copies all genotypes"
    container: "image that holds ecgwas, by digest"
    memory_gib: "memory of the largest task; task plan stops the workflow if the plan needs more"
  }

  input {
    File study
    Array[File]+ tables
    Array[File]+ genotypes
    File? recordings
    Array[File] references = []
    Boolean by_chromosome = false
    String container
    Int cpu = 4
    Int memory_gib = 16
    Int scan_memory_gib = 8
    Int results_gib = 50
  }

  Int inputs_gib = ceil(size(tables, "GiB") + size(genotypes, "GiB") + 2 * size(recordings, "GiB") + size(references, "GiB"))
  Int disk_gib = 2 * inputs_gib + results_gib

  call plan {
    input: study, tables, genotypes, recordings, references, container, memory_gib, disk_gib
  }

  if (!by_chromosome) {
    call run {
      input: study, tables, genotypes, recordings, references, container, cpu, memory_gib, disk_gib, checked = plan.checked
    }
  }

  if (by_chromosome) {
    call run as before_scan {
      input:
        study, tables, genotypes, recordings, references, container, cpu, memory_gib, disk_gib, checked = plan.checked,
        until = "traits"
    }
    scatter (chromosome in plan.chromosomes) {
      call scan {
        input:
          study, tables, genotypes, container, chromosome, disk_gib, memory_gib = scan_memory_gib,
          results = before_scan.results
      }
    }
    call run as after_scan {
      input:
        study, tables, genotypes, recordings, references, container, cpu, memory_gib, disk_gib, checked = plan.checked,
        earlier = flatten([[before_scan.results], scan.part])
    }
  }

  output {
    File checked = plan.checked
    File plan_json = plan.plan_json
    File results = select_first([run.results, after_scan.results])
    File log = select_first([run.log, after_scan.log])
    # Absent if the audit found a participant or a small group.
    File? share = if by_chromosome then after_scan.share else run.share
    File? audit = if by_chromosome then after_scan.audit else run.audit
  }
}

task plan {
  input {
    File study
    Array[File]+ tables
    Array[File]+ genotypes
    File? recordings
    Array[File] references
    String container
    Int memory_gib
    Int disk_gib
  }

  command <<<
    set -euo pipefail
    # Inputs are copied and get one time of change, since parts are fresh by name, size and time of their inputs.
    mkdir -p study/ecg study/genotypes study/references
    cp "~{study}" study/study.yaml
    cp ~{sep(" ", quote(tables))} study/
    cp ~{sep(" ", quote(genotypes))} study/genotypes/
    for file in ~{sep(" ", quote(references))}; do cp "$file" study/references/; done
    ~{if defined(recordings) then "tar -xf '" + select_first([recordings]) + "' -C study/ecg" else ""}
    find study -type f -exec touch -d @1000000000 {} +
    ecgwas check study/study.yaml | tee checked.txt
    ecgwas plan study/study.yaml --memory-gib ~{memory_gib}
    python3 -c "import json; print(*json.load(open('study/results/plan.json'))['scan'], sep='\n')" > chromosomes.txt
  >>>

  output {
    File checked = "checked.txt"
    File plan_json = "study/results/plan.json"
    Array[String] chromosomes = read_lines("chromosomes.txt")
  }

  runtime {
    container: container
    cpu: 1
    memory: "4 GiB"
    disks: "~{disk_gib} GiB"
  }
}

task run {
  input {
    File study
    Array[File]+ tables
    Array[File]+ genotypes
    File? recordings
    Array[File] references
    # Archives of results of earlier tasks, whose fresh parts are not computed again.
    Array[File] earlier = []
    # What the check printed: this task waits for it.
    File checked
    String until = "share"
    String container
    Int cpu
    Int memory_gib
    Int disk_gib
  }

  command <<<
    set -euo pipefail
    cat "~{checked}"
    mkdir -p study/ecg study/genotypes study/references
    cp "~{study}" study/study.yaml
    cp ~{sep(" ", quote(tables))} study/
    cp ~{sep(" ", quote(genotypes))} study/genotypes/
    for file in ~{sep(" ", quote(references))}; do cp "$file" study/references/; done
    ~{if defined(recordings) then "tar -xf '" + select_first([recordings]) + "' -C study/ecg" else ""}
    find study -type f -exec touch -d @1000000000 {} +
    for archive in ~{sep(" ", quote(earlier))}; do tar -xf "$archive" -C study; done
    ecgwas run study/study.yaml --until ~{until} 2>&1 | tee run.log
    tar -cf results.tar --exclude='*.lock' -C study results
    if [ -d study/results/share ]; then
      code=0
      ecgwas audit study/results/share > audit.txt 2>&1 || code=$?
      if [ "$code" -eq 0 ]; then
        tar -czf share.tar.gz -C study/results share
      elif [ "$code" -ne 7 ]; then
        cat audit.txt >&2
        exit "$code"
      fi
    fi
  >>>

  output {
    File results = "results.tar"
    File log = "run.log"
    File? audit = "audit.txt"
    File? share = "share.tar.gz"
  }

  runtime {
    container: container
    cpu: cpu
    memory: "~{memory_gib} GiB"
    disks: "~{disk_gib} GiB"
  }
}

task scan {
  input {
    File study
    Array[File]+ tables
    Array[File]+ genotypes
    File results
    String chromosome
    String container
    Int memory_gib
    Int disk_gib
  }

  command <<<
    set -euo pipefail
    mkdir -p study/genotypes
    cp "~{study}" study/study.yaml
    cp ~{sep(" ", quote(tables))} study/
    cp ~{sep(" ", quote(genotypes))} study/genotypes/
    find study -type f -exec touch -d @1000000000 {} +
    tar -xf "~{results}" -C study
    touch before
    ecgwas scan study/study.yaml --part "~{chromosome}"
    cd study
    find results -type f -newer ../before ! -name '*.lock' -print0 | tar -cf ../part.tar --null --files-from=-
  >>>

  output {
    File part = "part.tar"
  }

  runtime {
    container: container
    cpu: 2
    memory: "~{memory_gib} GiB"
    disks: "~{disk_gib} GiB"
  }
}
