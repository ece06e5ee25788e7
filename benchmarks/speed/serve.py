"""How fast does `ecgwas serve` answer about a large study?

    python -m benchmarks.speed.serve            384 traits, 10 million variants
    python -m benchmarks.speed.serve --quick    48 traits, 200,000 variants

Writes a synthetic results folder (the scan keeps one test in a thousand: -log10 p of 3 or more; 24 loci with the tests around
them; 20,000 genes with ten exons each), serves it as users do, and asks over HTTP. Prints one line per measure:

    SERVE traits=<K> variants=<M> kept_tests=<n> file_mib=<s> start_s=<s> peak_mib=<m>
    ANSWER <kind> median_ms=<t> worst_ms=<t> cpu_ms=<t> of=<n> kib=<s>

start_s: from the start of the command to the printed address, all indexes made. An answer is the whole JSON of a view, as the
page's script takes it; each kind is asked for with `of` different variants, traits, regions or texts. kib: size of the median
answer. cpu_ms: mean CPU time of the server per answer, which other programs on the machine do not change.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl

from benchmarks.record import recorded
from benchmarks.speed.report import FLOOR, LENGTHS, make_contents
from ecgwas.report import ReportContents
from ecgwas.serve import addresses
from ecgwas.stages import stage_named
from ecgwas.store import Note, fingerprint, writing_part
from ecgwas.tables import Associations, files
from ecgwas.tables.calibration import QQPoints
from ecgwas.tables.loci import Neighbourhoods

QUESTIONS = 40
FLANK_BP = 250_000
STUDY = """\
name: benchmark
results: results
read: {recordings: ecg}
represent: [{kind: pca, name: ae}]
traits: {covariates: covariates.tsv}
scan: {genotypes: genotypes, build: hg38}
genes: [{kind: regions, file: genes.bed}]
"""


def write_study(folder: Path, contents: ReportContents) -> Path:
    """A study file, genes, and the results of the stages `scan` and `loci` with their notes; gives the results folder."""
    results = folder / "results"
    (folder / "study.yaml").write_text(STUDY)
    _write_genes(folder / "genes.bed")
    rows = pl.concat(contents.scan.rows.chunks(list(Associations.columns)))
    parts = {}
    for (chrom,), own in rows.group_by("chrom", maintain_order=True):
        with _part(results, "scan", str(chrom), {}) as out:
            ordered = own.sort("pos", "effect_allele", "other_allele", "trait")
            files.ASSOCIATIONS.write(Associations(ordered), out, part=str(chrom))
        parts[f"scan/{chrom}"] = _content(results, "scan", str(chrom))
    loci = contents.loci
    with _part(results, "loci", "all", parts) as out:
        files.THRESHOLDS.write(loci.thresholds, out)
        files.SUMMARY.write(contents.scan.summary, out)
        files.HITS.write(loci.hits, out)
        files.LOCI.write(loci.loci, out)
        files.QQ.write(QQPoints(contents.scan.qq), out)
        files.NEIGHBOURHOODS.write(_neighbourhoods(contents), out)
    return results


def _part(results: Path, stage: str, part: str, parts: Mapping[str, str]) -> Any:
    facts = {"stage_versions": stage_named(stage).versions, "inputs": {"parts": dict(parts), "files": []}}
    return writing_part(results / stage, files.NOTE.path(results, stage=stage, part=part), "benchmark", facts)


def _content(results: Path, stage: str, part: str) -> str:
    """What a later part records of this one."""
    note = Note.read(files.NOTE.path(results, stage=stage, part=part))
    assert note is not None
    return fingerprint([stage, part, note.digests()])[:10]


def _neighbourhoods(contents: ReportContents) -> Neighbourhoods:
    frames = [
        region.tests.select(
            pl.lit(region.locus).alias("locus"), pl.lit(region.trait).alias("trait"), pl.lit(region.start).alias("start"),
            pl.lit(region.stop).alias("stop"), "variant", pl.lit(region.chrom).alias("chrom"), "pos", "effect_allele",
            "other_allele", "eaf", "n", "beta", "se", "neglog10p", r2_with_lead="r2",
        )
        for region in contents.loci.regions
    ]  # fmt: skip
    return Neighbourhoods(pl.concat([Neighbourhoods.empty().frame, *frames], how="vertical_relaxed"))


def _write_genes(path: Path, genes: int = 20_000) -> None:
    """A BED of twelve columns: genes of 40 kb with ten exons, evenly over the genome."""
    ends = np.cumsum(LENGTHS)
    lines = []
    for k, at in enumerate(np.linspace(0, ends[-1] - 50_000, genes).astype(np.int64)):
        c = int(np.searchsorted(ends, at, side="right"))
        start = int(at - (ends[c - 1] if c else 0))
        starts = ",".join(str(4_000 * i) for i in range(10))
        lines.append(f"chr{c + 1}\t{start}\t{start + 40_000}\tGENE{k}\t0\t+\t{start}\t{start}\t0\t10\t{'300,' * 10}\t{starts}")
    path.write_text("\n".join(lines) + "\n")


def cpu_seconds(process: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(client: httpx.Client, process: int, name: str, questions: Sequence[Mapping[str, str]]) -> None:
    """Asks all questions of a kind once, and prints the times."""
    address = "/api/search" if name == "search" else "/api/view"
    seconds, sizes = [], []
    cpu = cpu_seconds(process)
    for question in questions:
        start = time.perf_counter()
        answer = client.get(address, params=question)
        content = answer.json()
        seconds.append(time.perf_counter() - start)
        sizes.append(len(answer.content))
        assert answer.status_code == 200, content
    print(
        f"ANSWER {name} median_ms={1000 * statistics.median(seconds):.0f} worst_ms={1000 * max(seconds):.0f} "
        f"cpu_ms={1000 * (cpu_seconds(process) - cpu) / len(seconds):.0f} of={len(seconds)} "
        f"kib={statistics.median(sizes) / 1024:.0f}",
        flush=True,
    )


def questions(contents: ReportContents, rows: pl.DataFrame, seed: int = 1) -> dict[str, list[dict[str, str]]]:
    """Kind -> what is asked for."""
    rng = np.random.default_rng(seed)
    some = [rows.row(int(k), named=True) for k in rng.integers(0, rows.height, QUESTIONS)]
    loci = list(contents.loci.loci.frame.iter_rows(named=True))
    traits = [contents.scan.trait_names[int(k)] for k in rng.choice(len(contents.scan.trait_names), QUESTIONS)]
    key = "benchmark"

    def region(row: Mapping[str, Any], trait: str, flank: int) -> dict[str, str]:
        return {"at": addresses.region(row["chrom"], max(1, row["pos"] - flank), row["pos"] + flank, trait, key)}

    return {
        "variant_by_name": [{"at": f"variant-{row['variant']}/{key}"} for row in some],
        "variant_by_position": [{"at": f"variant-{row['chrom']}:{row['pos']}/{key}"} for row in some],
        "unknown_variant": [{"at": f"variant-{row['chrom']}:{row['pos'] + 1}/{key}"} for row in some],
        "trait": [{"at": addresses.trait(name, key)} for name in traits],
        "region_of_a_locus": [region({**row}, row["best_trait"], FLANK_BP) for row in loci],
        "region_elsewhere": [region(row, row["trait"], FLANK_BP) for row in some],
        "region_of_5_mb": [region(row, row["trait"], 2_499_000) for row in some],
        "loci": [{"at": f"loci/{key}"}] * 5, "traits": [{"at": f"traits/{key}"}] * 5, "start": [{"at": f"start/{key}"}] * 5,
        "search": [{"study": key, "text": text} for row, name in zip(some, traits, strict=True)
                   for text in (row["variant"][:5], row["variant"], f"{row['chrom']}:{row['pos']}", name[:5], "GENE12")],
    }  # fmt: skip


def served(results: Path, act: Callable[[httpx.Client, int], None]) -> tuple[float, float]:
    """Serves the folder while `act` asks; seconds until the address was printed, and peak memory in MiB."""
    start = time.monotonic()
    command = [sys.executable, "-m", "ecgwas", "serve", str(results)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = next((line for line in process.stdout if line.startswith("Open ")), "")
        seconds = time.monotonic() - start
        with httpx.Client(base_url=line.split()[1].partition("/?")[0], timeout=120) as client:
            client.get(line.split()[1])
            act(client, process.pid)
    finally:
        process.send_signal(2)
        process.wait(20)
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="48 traits, 200,000 variants")
    parser.add_argument("--traits", type=int, default=384, help="a multiple of 12")
    parser.add_argument("--variants", type=int, default=10_000_000)
    given = parser.parse_args()
    traits, variants = (48, 200_000) if given.quick else (given.traits, given.variants)
    contents = make_contents(traits, variants)
    rows = pl.concat(contents.scan.rows.chunks(["variant", "chrom", "pos", "trait"]))
    with tempfile.TemporaryDirectory() as place:
        results = write_study(Path(place), contents)
        size = sum(path.stat().st_size for path in (results / "scan").glob("*.parquet")) / 2**20
        asked = questions(contents, rows)
        count = rows.height
        del contents, rows

        def act(client: httpx.Client, process: int) -> None:
            for name, own in asked.items():
                ask(client, process, name, own)

        seconds, peak = served(results, act)
    print(
        f"SERVE traits={traits} variants={variants} kept_from={FLOOR:g} kept_tests={count} file_mib={size:.0f} "
        f"start_s={seconds:.1f} peak_mib={peak:.0f}"
    )


if __name__ == "__main__":
    recorded(main, __file__)
