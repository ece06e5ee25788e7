"""What every engine promises. An engine is tested here once the schema of study.yaml knows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats

from ecgwas import scan
from ecgwas.errors import EcgwasError
from ecgwas.native import compiled
from ecgwas.study import Scan
from ecgwas.tables import Covariates, ScanResult, Traits
from tests.genotypes import fileset
from tests.kinds import only_known, registered

ENGINES = registered("scan")
PEOPLE, VARIANTS, TRAITS = 80, 24, 3
CONSTANT, RARE, EMPTY = 3, 4, 5
"""Variants that have one genotype only, one copy in everybody together, hardly any call."""
SEED = 5


@pytest.fixture(scope="module")
def dosage() -> NDArray[np.int8]:
    """(people, variants) copies 0-2, some not called."""
    drawn = fileset.draw(PEOPLE, VARIANTS, 9, missing=0.03)
    drawn[:, [CONSTANT, RARE]] = 0
    drawn[7, RARE] = 1
    drawn[5:, EMPTY] = fileset.NO_CALL
    return drawn


@pytest.fixture(scope="module")
def stem(dosage: NDArray[np.int8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("genotypes") / "cohort"
    fileset.write(place, dosage)
    return place


@pytest.fixture(scope="module")
def tables() -> tuple[Traits, Covariates]:
    traits, covariates = fileset.tables(tuple(f"p{i}" for i in range(PEOPLE)), TRAITS, 2, 4)
    traits.values[:6, 1] = np.nan
    return traits, covariates


@pytest.fixture(scope="module", autouse=True)
def results_of_another_program(stem: Path, dosage: NDArray[np.int8], tables: tuple[Traits, Covariates]) -> None:
    """What the engine that imports reads: one table per trait, as PLINK 2 writes it."""
    header = "#CHROM\tPOS\tID\tREF\tALT\tA1\tA1_FREQ\tTEST\tOBS_CT\tBETA\tSE\tNEG_LOG10_P\tERRCODE"
    lines: dict[str, list[str]] = {name: [header] for name in tables[0].names}
    for trait, variant, numbers in by_least_squares(dosage, tables):
        place = f"1\t{3_000_000 + int(variant[1:])}\t{variant}\tA\tG\tG\t{float(numbers['eaf'])!r}\tADD\t{numbers['n']}"
        lines[trait].append(f"{place}\t{numbers['beta']!r}\t{numbers['se']!r}\t{float(numbers['neglog10p'])!r}\t.")
    for name, text in lines.items():
        stem.with_name(f"imported_{name}.txt").write_text("\n".join(text) + "\n")


def options_of(engine: str, stem: Path, **more: object) -> Scan:
    kind = ENGINES[engine]
    given = {
        "genotypes": stem,
        "files": stem.with_name("imported_{trait}.txt"),
        "threads": 1,
        "permutations": 0,
        **fileset.UNFILTERED,
        "min_mac": 2,
        "min_call_rate": 0.5,
        **more,
    }
    options = kind.model_validate(only_known(kind, given))
    assert isinstance(options, Scan)
    return options


def scanned(options: Any, tables: tuple[Traits, Covariates]) -> ScanResult:
    return scan.scan(options, *tables, fileset.opened(options), seed=SEED)


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, stem: Path) -> str:
    """One that runs here; the others are skipped with their own words."""
    try:
        scan.check(options_of(request.param, stem))
    except EcgwasError as error:
        pytest.skip(str(error))
    return str(request.param)


@pytest.fixture(scope="module")
def result(engine: str, stem: Path, tables: tuple[Traits, Covariates]) -> ScanResult:
    return scanned(options_of(engine, stem), tables)


def by_least_squares(
    dosage: NDArray[np.int8], tables: tuple[Traits, Covariates]
) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Trait, variant and numbers of every test, one regression at a time."""
    traits, covariates = tables
    rows = np.array([int(eid[1:]) for eid in traits.eids])
    for k, name in enumerate(traits.names):
        for j in range(dosage.shape[1]):
            copies = dosage[rows, j].astype(np.float64)
            known = (copies >= 0) & np.isfinite(traits.values[:, k])
            g, y = copies[known], traits.values[known, k]
            design = np.column_stack([g, np.ones(len(g)), covariates.values[known]])
            if np.linalg.matrix_rank(design) < design.shape[1]:
                continue
            beta, *_ = np.linalg.lstsq(design, y, rcond=None)
            df = len(y) - design.shape[1]
            variance = np.sum((y - design @ beta) ** 2) / df
            se = float(np.sqrt(variance * np.linalg.inv(design.T @ design)[0, 0]))
            t = float(beta[0]) / se
            p = -(stats.t.logsf(abs(t), df) + np.log(2)) / np.log(10)
            found = {"eaf": g.mean() / 2, "n": len(y), "beta": float(beta[0]), "se": se, "t": t, "neglog10p": p}
            yield name, f"v{j}", found


def test_rows_are_those_of_least_squares(
    result: ScanResult, dosage: NDArray[np.int8], tables: tuple[Traits, Covariates]
) -> None:
    expected = {(trait, variant): numbers for trait, variant, numbers in by_least_squares(dosage, tables)}
    rows = {(row["trait"], row["variant"]): row for row in result.associations.frame.iter_rows(named=True)}
    never = {f"v{j}" for j in (CONSTANT, RARE, EMPTY)}
    assert set(rows) == {pair for pair in expected if pair[1] not in never}
    for pair, row in rows.items():
        assert row["n"] == expected[pair]["n"]
        assert (row["effect_allele"], row["other_allele"]) in (("G", "A"), ("A", "G"))
        sign = 1.0 if row["effect_allele"] == "G" else -1.0
        assert row["eaf"] == pytest.approx(expected[pair]["eaf"] if sign > 0 else 1 - expected[pair]["eaf"], rel=1e-4)
        assert row["se"] == pytest.approx(expected[pair]["se"], rel=1e-4)
        for name, factor in (("beta", sign), ("t", sign), ("neglog10p", 1.0)):
            assert row[name] == pytest.approx(factor * expected[pair][name], rel=1e-4, abs=1e-5), (pair, name)


def test_every_variant_is_tested_or_has_a_reason(result: ScanResult, stem: Path) -> None:
    left_out = result.left_out.frame
    assert left_out["reason"].str.len_chars().min() > 0
    for_all = left_out.filter(pl.col("trait").is_null() | (pl.col("trait") == ""))
    assert {f"v{j}" for j in (CONSTANT, RARE, EMPTY)} <= set(for_all["variant"])
    for k, trait in enumerate(result.traits):
        tested = set(result.associations.frame.filter(trait=trait)["variant"])
        excluded = set(for_all["variant"]) | set(left_out.filter(trait=trait)["variant"])
        assert tested.isdisjoint(excluded)
        assert tested | excluded == {f"v{j}" for j in range(VARIANTS)}
        assert result.tests[k] == len(tested)


def test_counts_and_histograms_are_of_all_tests(result: ScanResult, tables: tuple[Traits, Covariates]) -> None:
    assert result.traits == tables[0].names
    assert result.people.tolist() == np.isfinite(tables[0].values).sum(axis=0).tolist()
    assert result.chi2_counts.sum(axis=1).tolist() == (result.tests - result.not_computed).tolist()


def test_rows_below_the_limit_are_counted_and_not_kept(
    engine: str, result: ScanResult, stem: Path, tables: tuple[Traits, Covariates]
) -> None:
    strongest = scanned(options_of(engine, stem, keep_neglog10p=0.5), tables)
    kept = result.associations.frame.filter(pl.col("neglog10p") >= 0.5)
    assert 0 < kept.height < result.associations.frame.height
    assert strongest.associations.frame.equals(kept)
    assert strongest.tests.tolist() == result.tests.tolist()
    assert strongest.chi2_counts.tolist() == result.chi2_counts.tolist()
    assert strongest.left_out.frame.equals(result.left_out.frame)


def test_the_same_seed_gives_the_same_rows(
    engine: str, result: ScanResult, stem: Path, tables: tuple[Traits, Covariates]
) -> None:
    again = scanned(options_of(engine, stem), tables)
    for name in ("associations", "left_out", "sets"):
        assert getattr(again, name).frame.equals(getattr(result, name).frame), name
    assert again.permutation_max.tolist() == result.permutation_max.tolist()


@pytest.mark.parametrize("name", ENGINES)
def test_where_it_cannot_run_it_says_so(
    name: str, stem: Path, tables: tuple[Traits, Covariates], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without programs, compiled parts and a GPU, whatever its options: what `check` lets pass works; else both say why not."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(compiled, "is_available", lambda: False)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    fields = ENGINES[name].model_fields.items()
    choices = [
        {option: word} for option, field in fields if option not in Scan.model_fields for word in words_of(field.annotation)
    ]
    for choice in [{}, *choices]:
        options = options_of(name, stem, **(in_families(stem) if choice == {"relatives": "family"} else choice))
        try:
            scan.check(options)
        except EcgwasError:
            with pytest.raises(EcgwasError):
                scanned(options, tables)
        else:
            assert len(scanned(options, tables).associations) > 0, choice


def in_families(stem: Path) -> dict[str, object]:
    """With the list of pairs that a study's stage traits writes."""
    pairs = stem.with_suffix(".kin0")
    pairs.write_text("ID1 ID2 HetHet IBS0 Kinship\np0 p1 0.1 0.0 0.25\n")
    return {"relatives": "family", "kinship": pairs}


def words_of(annotation: Any) -> list[object]:
    """Words that an option may be."""
    return [word for word in get_args(annotation) if isinstance(word, str)]
