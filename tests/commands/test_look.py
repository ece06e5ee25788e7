"""`ecgwas look`: the numbers of the scan and of the report, for any variant; what is not there is said in words."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from ecgwas import stages
from ecgwas.commands import look
from ecgwas.commands.cli import main
from ecgwas.errors import InputError, MissingStageError, StudyError
from ecgwas.genotypes import variant_lookup
from ecgwas.report import genotype_beats
from ecgwas.report.figures import genotype, phewas
from ecgwas.stages import read, report, report_data, scan, trait_names, traits, variant_view
from ecgwas.study import Study
from ecgwas.tables import files

TRAIT = "clinical.12L.pr_ms"
ONCE = ((traits, "load_traits"), (traits, "load_covariates"), (traits, "load_ancestry"), (report_data, "chromosome_genes"))
"""What a look reads of the study, besides genotypes and recordings."""


@pytest.fixture(scope="module")
def locus(finished: Study) -> dict[str, object]:
    """The locus whose strongest trait is the PR interval."""
    return files.LOCI.read(finished.results).frame.row(by_predicate=pl.col("best_trait") == TRAIT, named=True)


@pytest.fixture(scope="module")
def looked(finished: Study, locus: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder, and what was printed, of a look at that locus' lead variant by its position."""
    folder = tmp_path_factory.mktemp("look")
    arguments = ["look", str(finished.folder / "study.yaml"), f"{locus['chrom']}:{locus['pos']}", "--out", str(folder)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return folder, done.output.splitlines()


def test_every_trait_has_the_number_of_the_scan(
    finished: Study, locus: dict[str, object], looked: tuple[Path, list[str]]
) -> None:
    table = pl.read_csv(looked[0] / "all_traits.csv", infer_schema_length=None)
    names = traits.load_traits(finished).names
    assert sorted(table["trait"]) == sorted(names)
    assert table["reason"].is_null().all()
    kept = scan.rows(finished).collect().filter((pl.col("pos") == locus["pos"]) & (pl.col("chrom") == locus["chrom"]))
    assert kept.height >= 3
    both = kept.join(table, on="trait", suffix="_looked")
    assert both.height == kept.height
    for name in ("beta", "se", "neglog10p", "eaf"):
        np.testing.assert_allclose(both[name], both[f"{name}_looked"], rtol=1e-12)
    p = table["p"].cast(pl.Float64).to_numpy()
    np.testing.assert_allclose(-np.log10(p), table["neglog10p"].to_numpy(), atol=1e-4)


def test_the_region_is_that_of_the_locus(finished: Study, locus: dict[str, object], looked: tuple[Path, list[str]]) -> None:
    """Same trait, same lead: -log10 p and r squared of every variant that both have."""
    own = pl.read_csv(looked[0] / "figures" / f"region_{TRAIT}.csv")
    table = files.NEIGHBOURHOODS.read(finished.results).frame
    around = table.filter(pl.col("locus") == locus["locus"], pl.col("trait") == locus["best_trait"])
    both = own.join(around, on=["pos", "effect_allele", "other_allele"], suffix="_report")
    assert both.height == own.height > 20
    np.testing.assert_allclose(both["neglog10p"], both["neglog10p_report"], rtol=1e-12)
    np.testing.assert_allclose(both["r2"], both["r2_with_lead"], rtol=1e-9, atol=1e-12)


def test_beats_by_genotype_are_those_of_the_report(
    finished: Study, locus: dict[str, object], looked: tuple[Path, list[str]]
) -> None:
    signals = read.load_signals(finished)
    loci = files.LOCI.read(finished.results).frame.filter(pl.col("locus") == locus["locus"])
    (variant,) = report.lead_variants(finished, signals, loci)
    (beats,) = genotype_beats(signals, [variant])
    own = pl.read_csv(looked[0] / "figures" / "ecg_by_genotype.csv")
    expected = pl.read_csv(genotype.ecg_by_genotype(beats).csv.encode())
    assert own.select(expected.columns).equals(expected)
    assert "decoded_pca_uv" in own.columns


def test_it_is_summarised_in_words(looked: tuple[Path, list[str]], locus: dict[str, object]) -> None:
    text = "\n".join(looked[1])
    assert f"at {locus['chrom']}:{locus['pos']} (hg19)" in text
    assert "SCN5A" in text
    assert f"it lies in locus {locus['locus']} (its lead variant)" in text
    assert re.search(rf"{TRAIT}: beta \+0\.\d+ \(se 0\.\d+\) SD per allele, -log10 p", text)
    assert "beyond the threshold, -log10 p 3.00 (given)" in text
    for name in ("ecg_by_genotype", "phewas", f"region_{TRAIT}"):
        assert ElementTree.parse(looked[0] / "figures" / f"{name}.svg").getroot().tag.endswith("svg")


def test_tables_of_the_study_are_read_once(
    finished: Study, locus: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each was read once for every figure and every line of the summary."""
    readers = {(module, name): getattr(module, name) for module, name in ONCE}
    calls: list[str] = []

    def counted(name: str, read_one: Any) -> Any:
        return lambda *given: (calls.append(name), read_one(*given))[1]

    for (module, name), read_one in readers.items():
        monkeypatch.setattr(module, name, counted(name, read_one))
    assert list(look.look(finished, f"{locus['chrom']}:{locus['pos']}", chosen=[TRAIT], folder=tmp_path))
    assert sorted(calls) == sorted(name for _, name in ONCE)


def test_a_variant_that_a_filter_excludes_is_looked_at_all_the_same(finished: Study, tmp_path: Path) -> None:
    excluded = files.LEFT_OUT_VARIANTS.read(finished.results, part="1").frame.filter(pl.col("reason") == "mac")
    row = excluded.row(0, named=True)
    name = f"chr1:{row['pos']}:{row['other_allele']}:{row['effect_allele']}"
    said = "\n".join(look.look(finished, name, folder=tmp_path))
    assert "its minor allele count is below scan.min_mac (10)" in said
    table = pl.read_csv(tmp_path / "all_traits.csv", infer_schema_length=None)
    assert table["neglog10p"].is_not_null().sum() > 90
    (drawn,) = tmp_path.glob("figures/region_*.csv")
    assert row["pos"] in pl.read_csv(drawn)["pos"].to_list()
    with pytest.raises(InputError, match="carried fewer than 10 times"):
        list(look.look(finished, name, folder=tmp_path / "shared", shareable=True))
    assert not (tmp_path / "shared").exists()
    with pytest.raises(InputError, match="carried fewer than 10 times"):
        list(look.look(finished, name, folder=tmp_path, shareable=True))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_may_be_passed_on_has_no_small_group(finished: Study, locus: dict[str, object], tmp_path: Path) -> None:
    """A genotype of fewer people than share.min_people is pooled, as on the shared page."""
    share = finished.share.model_copy(update={"min_people": 20})
    strict = finished.model_copy(update={"share": share})
    said = "\n".join(look.look(strict, f"{locus['chrom']}:{locus['pos']}", folder=tmp_path, shareable=True))
    whole = "\n".join(look.look(strict, f"{locus['chrom']}:{locus['pos']}", folder=tmp_path / "whole"))
    lines = {words: next(line for line in text.splitlines() if line.startswith("participants"))
             for words, text in (("shared", said), ("whole", whole))}  # fmt: skip
    counts = {words: [int(n) for n in re.findall(r" ([\d,]+)(?:,|$)", line)] for words, line in lines.items()}
    assert min(counts["whole"]) < 20 <= min(counts["shared"])
    assert sum(counts["whole"]) == sum(counts["shared"])
    assert "they are counted with" in (tmp_path / "figures" / "ecg_by_genotype.svg").read_text()
    means = pl.read_csv(tmp_path / "figures" / "ecg_by_genotype.csv")["mean_0_uv"].drop_nulls()
    assert (means == means.round()).all()


@pytest.mark.parametrize(("counts", "shown"), [((99, 1, 0), False), ((90, 4, 4), False), ((50, 5, 0), True), ((2, 5, 9), True)])
def test_an_effect_of_fewer_than_five_carriers_is_not_shown(counts: tuple[int, ...], shown: bool) -> None:
    copies = np.append(np.repeat([0.0, 1.0, 2.0], counts), np.nan)
    assert variant_view.comparable(copies) == shown
    assert "no two genotypes have 5 participants" in next(look._beats_in_words(None, genotype.FEWEST))


def test_a_shareable_folder_is_emptied_of_an_earlier_look_and_of_nothing_else(tmp_path: Path) -> None:
    names = ["all_traits.csv", "figures/region_a.I.x.svg", "figures/region_a.I.x.csv", "figures/ecg_by_genotype.csv"]
    (tmp_path / "figures").mkdir()
    for name in [*names, "figures/mine.svg"]:
        (tmp_path / name).write_text("private")
    with pytest.raises(InputError, match=r"other files than those of `ecgwas look`: figures/mine\.svg"):
        look.empty(tmp_path)
    assert all((tmp_path / name).exists() for name in names)
    (tmp_path / "figures" / "mine.svg").unlink()
    look.empty(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["figures"]
    look.empty(tmp_path / "absent")


def test_people_without_a_recording_are_not_in_the_ecg_by_genotype(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those tested are b, x, a; x has features from a table only, and c has a recording and is not tested."""
    genotypes = SimpleNamespace(dosage_of=lambda place, eids: np.array([1.0, 0.0, 2.0]))
    monkeypatch.setattr(variant_view, "_place", lambda variant: np.array([0]))
    copies = variant_view.dosage(cast(Any, SimpleNamespace(genotypes=genotypes)), ("b", "x", "a"), ("a", "b", "c"))
    np.testing.assert_array_equal(copies, [2.0, 1.0, np.nan])


def test_a_variant_of_another_chromosome_or_list_is_found(finished: Study, locus: dict[str, object], tmp_path: Path) -> None:
    fewer = finished.scan.model_copy(update={"chromosomes": ("1", "2")})
    study = finished.model_copy(update={"scan": fewer})
    found = variant_lookup.find(study.scan, f"{locus['chrom']}:{locus['pos']}")
    assert variant_view.why_excluded(study, found) == "chromosome 3 is not in scan.chromosomes"
    listed = tmp_path / "list.txt"
    listed.write_text("1:162201678\n")
    study = finished.model_copy(update={"scan": finished.scan.model_copy(update={"variants": listed, "chromosomes": ("3",)})})
    assert variant_view.why_excluded(study, found) == "it is not in scan.variants"


def test_unknown_variants_and_traits_are_answered_with_near_ones(
    finished: Study, locus: dict[str, object], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no variant at 3:38645883") as near:
        list(look.look(finished, "3:38645883", folder=tmp_path))
    assert str(locus["pos"]) in near.value.fix
    with pytest.raises(InputError, match="no variant snp:38645882:G:T") as other:
        list(look.look(finished, "snp:38645882:G:T", folder=tmp_path))
    assert "chrom:pos" in other.value.fix
    with pytest.raises(InputError, match="with these alleles at 3:38645882"):
        list(look.look(finished, "3:38645882:G:A", folder=tmp_path))
    with pytest.raises(InputError, match="no chromosome 21"):
        list(look.look(finished, "21:1000", folder=tmp_path))
    with pytest.raises(StudyError) as trait:
        list(look.look(finished, "3:38645882", chosen=["pr_ms"], folder=tmp_path))
    assert f"did you mean {TRAIT}" in trait.value.fix
    assert list(tmp_path.iterdir()) == []


def test_results_that_are_absent_or_stale_are_refused(finished: Study, tmp_path: Path) -> None:
    nothing = finished.model_copy(update={"results": tmp_path / "nothing"})
    with pytest.raises(MissingStageError, match="stage read are absent or stale"):
        list(look.look(nothing, "3:38645882"))
    other = finished.model_copy(update={"scan": finished.scan.model_copy(update={"min_maf": 0.02})})
    assert stages.is_fresh(other, "traits", "all")
    with pytest.raises(MissingStageError, match="stage scan are absent or stale"):
        list(look.look(other, "3:38645882"))


def test_traits_are_grouped_by_representation_and_lead() -> None:
    names = ["a.V1.f10", "a.V1.f2", "a.I.f1", "b.12L.x", "a.12L.f1"]
    tests = pl.DataFrame({"trait": names, "beta": [0.1, -0.1, 0.2, 0.3, -0.4], "neglog10p": [1.0, 2.0, 3.0, 9.0, None]})
    figure = phewas.phewas("rs1", "A", tests, 5.0)
    assert figure is not None
    assert pl.read_csv(figure.csv.encode())["trait"].to_list() == ["a.I.f1", "a.V1.f2", "a.V1.f10", "b.12L.x"]
    assert "1 beyond the study" in figure.caption
    assert figure.svg.count("<polygon") == 4
    assert phewas.phewas("rs1", "A", tests.filter(pl.col("neglog10p").is_null()), 5.0) is None


def test_similar_traits_by_spelling_by_part_and_by_feature() -> None:
    tested = ["clinical.12L.qt_ms", "clinical.12L.pr_ms", "ae.V1.f01", "ae.V2.f01"]
    assert trait_names.similar("clinical.12l.QTms", tested)[0] == "clinical.12L.qt_ms"
    assert trait_names.similar("V1", tested) == ["ae.V1.f01"]
    assert trait_names.similar("nonsense", tested) == []
