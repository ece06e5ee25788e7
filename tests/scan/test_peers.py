"""Programs of other authors: the files that they are given, and what each computes beside our mixed model."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from bed_reader import open_bed

from ecgwas.errors import ToolError
from ecgwas.genotypes import chromosomes
from ecgwas.scan import relatives
from ecgwas.scan.peers import PEERS, agreement, ours, programs
from ecgwas.scan.peers import material as peer_files
from ecgwas.scan.peers.contract import Material, Peer
from ecgwas.study.scan import Matrix
from tests.mixed import families, gemma

PEOPLE, VARIANTS = 150, 1200
SHARES = np.array([0.2, 0.5, 0.8])


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> tuple[Matrix, np.ndarray]:
    """Families with missing calls; participants of the tests are in another order than the .fam."""
    folder = tmp_path_factory.mktemp("cohort")
    made = families.draw(PEOPLE, VARIANTS, related=0.7, seed=4)
    rng, copies = np.random.default_rng(3), made.copies.copy()
    copies[rng.random(copies.shape) < 0.01] = -127
    gemma.fileset(folder / "cohort", copies, np.zeros((PEOPLE, 1)), made.chromosome)
    options = Matrix.model_validate({"genotypes": folder / "cohort", "chromosomes": ("1", "2", "3", "4")})
    return options, families.polygenic(made.copies, SHARES, 1)


@pytest.fixture
def material(cohort: tuple[Matrix, np.ndarray], tmp_path: Path) -> tuple[Material, list[pl.DataFrame]]:
    """What programs are given of chromosome 2, and our screen of it; the last trait is missing in some people."""
    options, values = cohort
    order = np.random.default_rng(1).permutation(PEOPLE)
    eids = [f"p{i}" for i in order]
    traits = values[order]
    traits[4:15, 2] = np.nan
    genotypes = chromosomes.open_chromosome(options, "2")
    peer_files.write_fileset(tmp_path / "tested", [(genotypes, np.arange(len(genotypes)))], eids)
    parts = ours.relationship_variants(options, "2", eids)
    peer_files.write_fileset(tmp_path / "background", parts, eids, letter="b")
    relationship = relatives.loco_relationship(options, "2", eids)
    covariates = np.random.default_rng(2).standard_normal((PEOPLE, 2))
    given = Material(tmp_path, tmp_path / "tested", tmp_path / "background", traits, covariates, relationship)
    return given, ours.screened(given, genotypes, eids, range(3))


def test_filesets_are_the_genotypes_in_the_order_asked_for(cohort: tuple[Matrix, np.ndarray], tmp_path: Path) -> None:
    genotypes = chromosomes.open_chromosome(cohort[0], "3")
    chosen, eids = np.array([0, 3, 50, 200]), [f"p{i}" for i in (7, 3, 149, 20, 21)]
    peer_files.write_fileset(tmp_path / "few", [(genotypes, chosen)], eids)
    written = open_bed(tmp_path / "few.bed")
    assert written.iid.tolist() == ["p0", "p1", "p2", "p3", "p4"]
    assert written.sid.tolist() == ["v0", "v1", "v2", "v3"]
    assert written.chromosome.tolist() == ["3"] * 4
    assert written.bp_position.tolist() == genotypes.positions[chosen].tolist()
    assert written.allele_1.tolist() == genotypes.effect_alleles[chosen].tolist()
    people, whole = [int(eid[1:]) for eid in eids], open_bed(f"{cohort[0].genotypes}.bed")
    first = np.flatnonzero(whole.chromosome == "3")[0]
    np.testing.assert_array_equal(written.read(dtype="float64"), whole.read(dtype="float64")[np.ix_(people, first + chosen)])


def of_all_traits(peer: Peer, material: Material, python: Path | None) -> list[pl.DataFrame]:
    path = peer.find(python)
    assert path is not None
    return [each.frame for each in peer.run(path, material, range(3))]


@pytest.mark.bolt
def test_bolt_approximates_the_screen(material: tuple[Material, list[pl.DataFrame]]) -> None:
    for own, frame in zip(material[1], of_all_traits(PEERS["bolt"], material[0], None), strict=True):
        found = agreement.of_trait(own, frame)
        assert found.missing == 0
        assert found.correlation > 0.97


@pytest.mark.gemma
@pytest.mark.peers
def test_jamma_and_gemma_agree_and_fastlmm_has_the_screen(material: tuple[Material, list[pl.DataFrame]]) -> None:
    python = Path(os.environ["ECGWAS_PEERS_PYTHON"])
    for own, frame in zip(material[1], of_all_traits(PEERS["fastlmm"], material[0], python), strict=True):
        assert agreement.of_trait(own, frame).is_within(1e-5)
    both = (of_all_traits(PEERS[name], material[0], python) for name in ("gemma", "jamma"))
    for one, other in zip(*both, strict=True):
        assert agreement.of_trait(one, other).is_within(2e-5)


JAMMA = f"""#!{sys.executable}
import sys
from pathlib import Path
a = sys.argv[1:]
given = dict(zip(a, a[1:]))
traits = [line.split() for line in Path(given["-p"]).read_text().splitlines()]
chosen = [int(k) for k in given["-n"].split(",")]
for k in chosen:
    some = ".pheno%d" % k if len(chosen) > 1 else ""
    people = sum("NA" not in (row[c - 1] for c in chosen) for row in traits)
    text = "rs\\tbeta\\tse\\tp_wald\\nv0\\t%d\\t1\\t0.01\\nv1\\tnan\\t1\\tnan\\n" % people
    (Path(given["-outdir"]) / (given["-o"] + some + ".assoc.txt")).write_text(text)
"""


def test_jamma_tests_traits_of_the_same_people_together(material: tuple[Material, list[pl.DataFrame]], tmp_path: Path) -> None:
    """In one run it takes those who have all of the run's traits. A fake gives their number as beta."""
    program = tmp_path / "bin" / "jamma"
    program.parent.mkdir()
    program.write_text(JAMMA)
    program.chmod(0o755)
    path = PEERS["jamma"].find(program.parent / "python")
    assert path == str(program)
    frames = [each.frame for each in PEERS["jamma"].run(path, material[0], (0, 1, 2))]
    assert [frame.select("variant", "chi2").rows() for frame in frames] == [[(0, people**2)] for people in (150, 150, 139)]
    assert [frame["neglog10p"][0] for frame in frames] == pytest.approx([2.0] * 3)


PYTHON = f"""#!{sys.executable}
import sys
from pathlib import Path
import numpy as np
isolated, script, *a = sys.argv[1:]
assert isolated == "-I" and Path(script).name == "fastlmm_script.py"
if a == ["--version"]:
    print("fastlmm 9.9"); sys.exit()
bed, folder = map(Path, a)
assert bed.is_file() and len(np.load(folder / "relationship.npy")) == len(np.load(folder / "covariates.npy"))
for k, values in enumerate(np.load(folder / "traits.npy").T):
    text = "variant\\tchi2\\tp\\nv3\\t%d\\t0.001\\n" % np.isnan(values).sum()
    (folder / ("fastlmm%d.tsv" % k)).write_text(text)
"""


def test_fastlmm_is_run_by_the_interpreter_that_has_it(material: tuple[Material, list[pl.DataFrame]], tmp_path: Path) -> None:
    """A fake interpreter gives the number of missing values as chi-square."""
    interpreter, peer = tmp_path / "python", PEERS["fastlmm"]
    interpreter.write_text(PYTHON)
    interpreter.chmod(0o755)
    assert peer.find(interpreter) == str(interpreter)
    assert peer.version(str(interpreter)) == "9.9"
    frames = [each.frame for each in peer.run(str(interpreter), material[0], (2, 0))]
    assert [frame.select("variant", "chi2").rows() for frame in frames] == [[(3, 11.0)], [(3, 0.0)]]
    assert frames[0]["neglog10p"][0] == pytest.approx(3.0)


def test_tables_without_the_columns_and_programs_that_do_not_start_are_named(tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text("a\tb\n1\t2\n")
    with pytest.raises(ToolError, match=r"gemma wrote no column rs, beta into odd\.txt"):
        programs.table(tmp_path / "odd.txt", "gemma", {"rs": "variant", "beta": "beta", "a": "a"})
    (tmp_path / "broken").write_text("#!/nowhere\n")
    (tmp_path / "broken").chmod(0o755)
    with pytest.raises(ToolError, match="broken does not start"):
        programs.version(str(tmp_path / "broken"), ["-h"], marker="GEMMA")
    assert programs.complaint("all is well\nit ends", "") == "all is well it ends"
    assert programs.complaint("", "") == "it said nothing"
    assert PEERS["fastlmm"].find(None) is None
