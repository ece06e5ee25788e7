"""Runs the demo and copies the pictures that the documentation shows: `python docs/make_pictures.py [FOLDER]`.

FOLDER is kept and used again if it is there; without it the demo runs in a folder of its own, which is removed.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import polars as pl

from ecgwas import stages
from ecgwas.commands import demo

PEOPLE = 300


def pictures(results: Path) -> dict[str, str]:
    """Name in docs/pictures -> name of the picture in the report: the strongest locus, and a feature that it moves."""
    loci = pl.read_csv(results / "loci" / "loci.csv").sort("neglog10p", descending=True)
    strongest = loci["locus"][0]
    moved = pl.read_csv(results / "loci" / "hits.csv", schema_overrides={"chrom": pl.String})
    of_pca = moved.filter(pl.col("trait").str.starts_with("pca.")).sort("neglog10p", descending=True)
    feature = of_pca["trait"][0].split(".")[-1]
    return {"all_traits": "all_traits", "demo": f"locus_{strongest}", "region": f"region_{strongest}",
            "meaning": f"meaning_pca_{feature}"}  # fmt: skip


def main(folder: Path) -> None:
    study = demo.prepare(folder, people=PEOPLE)
    stages.run(study)
    for name, source in pictures(study.results).items():
        target = Path(__file__).parent / "pictures" / f"{name}.svg"
        shutil.copyfile(study.results / "report" / "figures" / f"{source}.svg", target)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(Path(place) / "demo")
