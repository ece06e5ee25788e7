"""Published ECG loci mapped by `regions`: how often the published gene contains the variant or is the nearest.

    python -m benchmarks.findings.known_genes [--quick] [--data ../shared/data]

Variants: table S13 of Verweij et al. 2020 (Cell Syst 11:229; hg19). Gene tables: PLINK's glist-hg19 and GENCODE 36 on hg19. A
variant agrees if one of its published genes is among those found. Papers often report the nearest gene, so this shows agreement
with them, not that the gene is the right one. --quick: glist-hg19 only.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.record import recorded
from ecgwas.genes.sources import genome_build, regions
from ecgwas.genes.sources.mapping import MappedGene
from ecgwas.genes.web.contract import chromosome
from ecgwas.study import Regions

TABLE = Path("known") / "ecgenetics_tableS13.tsv"
GENES = ("glist-hg19", "genes-v36-hg19.bed")
INTERVALS = ("QT-Interval", "PR-Interval", "QRS-Duration", "HR")
EXPECTED = ("SCN5A", "SCN10A", "NOS1AP", "KCNQ1", "KCNH2")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one table of genes only")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    asked = parser.parse_args()
    if not (asked.data / TABLE).exists():
        sys.exit(f"there is no {asked.data / TABLE}")
    with (asked.data / TABLE).open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    for name in GENES[:1] if asked.quick else GENES:
        report(asked.data / "genes" / name, rows)


def report(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Prints one line per trait and one for all, then whether the expected genes were found."""
    begin = time.process_time()
    positions = regions.gene_positions(Regions(file=path))
    found = [positions.nearest(chromosome(row["CHR"]), int(row["BP"])) for row in rows]
    seconds = time.process_time() - begin
    for trait in sorted({row["TRAIT"] for row in rows}):
        chosen = [k for k, row in enumerate(rows) if row["TRAIT"] == trait]
        print(line(path.name, trait, [rows[k] for k in chosen], [found[k] for k in chosen]))
    chosen = [k for k, row in enumerate(rows) if row["TRAIT"] in INTERVALS]
    print(line(path.name, "QT+PR+QRS+HR", [rows[k] for k in chosen], [found[k] for k in chosen]))
    print(
        line(path.name, "all", rows, found), f"build={genome_build.build_of(positions.chromosomes)} cpu_seconds={seconds:.2f}"
    )
    met = {gene.gene for genes in found for gene in genes}
    print(f"GENES {path.name} " + " ".join(f"{gene}={'found' if gene in met else 'absent'}" for gene in EXPECTED))


def line(table: str, trait: str, rows: Sequence[Mapping[str, str]], found: Sequence[Sequence[MappedGene]]) -> str:
    """How many variants agree, and how: the gene contains the variant or is the nearest."""
    agreeing = [genes[0].relation for row, genes in zip(rows, found, strict=True) if named(row) & {gene.gene for gene in genes}]
    share = len(agreeing) / len(rows)
    inside = agreeing.count("overlap")
    return f"LOCI {table} {trait} variants={len(rows)} agree={len(agreeing)} share={share:.3f} inside={inside}"


def named(row: Mapping[str, str]) -> set[str]:
    """Genes of a line, separated by commas, slashes, or the hyphen between two symbols."""
    return set(re.split(r"[,;/\s]+|-(?=[A-Z])", row["gene"]))


if __name__ == "__main__":
    recorded(main, __file__)
