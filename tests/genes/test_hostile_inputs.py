"""What other people's files hold: each ends in the right result or in one clear error that names file, place and cure."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from ecgwas import genes
from ecgwas.errors import InputError
from ecgwas.genes.sources import enrichment, regions, string_files
from ecgwas.study import Enrichment, Regions, StringFiles
from ecgwas.tables import Loci
from tests.genes.hits import variants_of
from tests.genes.sources.test_string_files import links

GLIST = "1 100 200 AAA\n1 300 400 BBB\n2 100 200 CCC\n"
GMT = "heart\tof the heart\tAAA\tBBB\nother\t\tCCC\tDDD\n"


def mapped(path: Path, chrom: str = "1", pos: int = 150) -> list[str | None]:
    variants = variants_of([("rs1", chrom, pos, "A", "G")])
    return regions.annotate(Regions(file=path), variants, Loci.empty()).frame["gene"].to_list()


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


RIGHT: dict[str, Callable[[Path], bool]] = {
    "a gene named twice in the table": lambda at: mapped(written(at / "glist", GLIST + "1 140 160 AAA\n")) == ["AAA"],
    "a gene named twice, on two chromosomes": lambda at: (
        mapped(written(at / "glist", GLIST + "X 140 160 AAA\n"), "X") == ["AAA"]
    ),
    "a gene named twice in a term": lambda at: (
        [len(t.genes) for t in terms(written(at / "a.gmt", "heart\tx\tAAA\tAAA\tBBB\n"))] == [2]
    ),
    "a term named twice": lambda at: [len(t.genes) for t in terms(written(at / "a.gmt", GMT + "heart\tx\tEEE\n"))] == [3, 2],
    "a hit gene named twice": lambda at: (
        enrichment.enrich(Enrichment(terms=written(at / "a.gmt", GMT)), ["AAA", "AAA"]).terms.frame["observed"].to_list() == [1]
    ),
    "chr in the table": lambda at: mapped(written(at / "glist", GLIST.replace("1 1", "chr1 1", 1))) == ["AAA"],
    "CHR in the table": lambda at: mapped(written(at / "glist", "CHR1\t100\t200\tAAA\n")) == ["AAA"],
    "chrM for MT": lambda at: mapped(written(at / "glist", "chrM\t100\t200\tMT-ND1\n"), "MT") == ["MT-ND1"],
    "23 for X": lambda at: mapped(written(at / "glist", "23 100 200 AAA\n"), "X") == ["AAA"],
    "a table with Windows line ends": lambda at: mapped(written(at / "glist", GLIST.replace("\n", "\r\n"))) == ["AAA"],
    "a GMT with Windows line ends": lambda at: (
        [sorted(t.genes) for t in terms(written(at / "a.gmt", GMT.replace("\n", "\r\n")))] == [["AAA", "BBB"], ["CCC", "DDD"]]
    ),
    "a GMT with a byte-order mark": lambda at: next(iter(terms(written(at / "a.gmt", "\ufeff" + GMT)))).identifier == "heart",
    "a GMT with weights": lambda at: (
        [sorted(t.genes) for t in terms(written(at / "a.gmt", "heart\tx\tAAA,1.0\tBBB,0.5\n"))] == [["AAA", "BBB"]]
    ),
    "a GMT with empty cells at the end": lambda at: (
        [sorted(t.genes) for t in terms(written(at / "a.gmt", "heart\tx\tAAA\t\t\n"))] == [["AAA"]]
    ),
    "an unknown gene": lambda at: (
        string_files.connect(links(at), ["A", "NOSUCH1"]).unplaced.frame["name"].to_list() == ["NOSUCH1"]
    ),
    "an unknown gene among terms": lambda at: any(
        "NOSUCH1" in note for note in enrichment.enrich(Enrichment(terms=written(at / "a.gmt", GMT)), ["NOSUCH1"]).notes
    ),
}  # fmt: skip


def terms(path: Path) -> list[enrichment.Term]:
    return list(enrichment.read_terms(Enrichment(terms=path)))


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_result(name: str, tmp_path: Path) -> None:
    assert RIGHT[name](tmp_path)


def check_links(at: Path, content: bytes) -> None:
    options = links(at)
    written(at / "links.txt.gz", content)
    string_files.connect(options, ["A", "B"])


LINKS = b"protein1 protein2 combined_score\n" + b"9606.P0 9606.P1 900\n" * 2000
PACKED = gzip.compress(GLIST.encode() * 500)
WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "a table cut short": (lambda at: regions.read(written(at / "glist.gz", PACKED[:-20])), "cut-off gzip"),
    "a table that is no gzip": (lambda at: regions.read(written(at / "glist.gz", GLIST)), "gzip"),
    "a GMT cut short": (lambda at: terms(written(at / "a.gmt.gz", gzip.compress(GMT.encode() * 500)[:-20])), "cut-off gzip"),
    "a network cut short": (
        lambda at: check_links(at, gzip.compress(LINKS)[:-9]), "cut-off gzip",
    ),
    "a folder for a table": (regions.read, "cannot be read"),
    "a table in another encoding": (lambda at: regions.read(written(at / "glist", b"1 1 9 Gen\xe9\n")), "UTF-8"),
    "start beyond stop": (lambda at: regions.read(written(at / "glist", "1 200 100 AAA\n")), "line 1"),
    "a position below one": (lambda at: regions.read(written(at / "glist", GLIST + "1 -5 9 AAA\n")), "line 4"),
    "a web page for a table": (lambda at: regions.read(written(at / "glist", "<!DOCTYPE html>\n<html>\n")), "line 1"),
    "a web page for terms": (lambda at: terms(written(at / "a.gmt", "<!DOCTYPE html>\n")), "line 1"),
    "a web page for a network": (
        lambda at: string_files.connect(StringFiles(links=written(at / "n.tsv", "<html>\n")), ["A"]), "unknown header",
    ),
    "a score that is text": (
        lambda at: check_links(at, gzip.compress(b"protein1 protein2 combined_score\n9606.P0 9606.P1 high\n")), "line 2",
    ),
    "terms of STRING without names": (
        lambda at: terms(written(at / "t.txt", "#string_protein_id\tcategory\tterm\tdescription\n")), r"protein\.info",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_one_clear_error(name: str, tmp_path: Path) -> None:
    work, words = WRONG[name]
    with pytest.raises(InputError, match=words) as caught:
        work(tmp_path)
    assert caught.value.where is not None
    assert str(tmp_path) in caught.value.where
    assert caught.value.fix


@pytest.mark.real
def test_mixed_builds_are_refused_by_check(shared: Path) -> None:
    at = shared / "data" / "genes"
    with pytest.raises(InputError, match=r"hg38.*hg19"):
        genes.check((Regions(file=at / "NCBI38.gene.loc"),), build="hg19")
