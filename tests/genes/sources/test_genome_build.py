"""The build of a table of genes: real tables of both builds, and tables that do not reveal it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas import genes
from ecgwas.errors import InputError
from ecgwas.genes.sources import genome_build, regions
from ecgwas.simulate import simulate
from ecgwas.study import Regions


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "build"), [("glist-hg19", "hg19"), ("genes-v36-hg19.bed", "hg19"), ("NCBI38.gene.loc", "hg38")]
)
def test_real_tables_reveal_their_build(name: str, build: str, shared: Path) -> None:
    path = shared / "data" / "genes" / name
    assert genome_build.build_of(regions.read(path)) == build
    facts = genes.check((Regions(file=path),), build=build)
    assert any(build in fact for fact in facts)
    other = "hg38" if build == "hg19" else "hg19"
    with pytest.raises(InputError, match=f"{build}.*{other}"):
        genes.check((Regions(file=path),), build=other)


def table_of(path: Path, places: dict[str, tuple[str, int]]) -> Path:
    path.write_text("".join(f"{chrom} {pos - 5} {pos + 5} {symbol}\n" for symbol, (chrom, pos) in places.items()))
    return path


def test_few_or_contradicting_landmarks_reveal_no_build(tmp_path: Path) -> None:
    hg19 = {symbol: (chrom, pos) for symbol, (chrom, pos, _) in genome_build.LANDMARKS.items()}
    first, *rest = hg19
    few = {symbol: hg19[symbol] for symbol in (first, rest[0])}
    mixed = hg19 | {first: (genome_build.LANDMARKS[first][0], genome_build.LANDMARKS[first][2])}
    assert genome_build.build_of(regions.read(table_of(tmp_path / "all", hg19))) == "hg19"
    assert genome_build.build_of(regions.read(table_of(tmp_path / "few", few))) is None
    assert genome_build.build_of(regions.read(table_of(tmp_path / "mixed", mixed))) is None


def test_a_simulated_table_is_never_refused(tmp_path: Path) -> None:
    simulate(tmp_path, people=5, seed=1, variants_per_chromosome=20)
    sources = (Regions(file=tmp_path / "genes.tsv"),)
    assert genes.check(sources, build="hg19")
    assert genes.check(sources)
