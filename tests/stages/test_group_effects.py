"""A study of two ancestries with planted differences, from files to the page: groups are those of statsmodels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from bed_reader import to_bed
from numpy.typing import NDArray

from ecgwas import stages
from ecgwas.genotypes import chromosomes
from ecgwas.study import Study
from ecgwas.tables import HETEROGENEITY, files

SIZES, FST = (240, 120), 0.1
PEOPLE = sum(SIZES)
PER_CHROMOSOME = 150
CHROMOSOMES = ("1", "2", "3", "X")
SAME, OPPOSITE, OF_MEN = "v10", "v160", "v460"
"""Planted: an effect on the first trait that is the same in everybody, one on the second of other size and sign in the second
ancestry, one of men on the third, on X."""
STUDY = """\
name: groups
represent:
  - {kind: table, name: mine, file: mine.tsv}
traits: {covariates: covariates.tsv, components: 2}
scan: {genotypes: cohort, permutations: 100, chromosomes: [1, 2, 3, X]}
"""


def draw(rng: np.random.Generator, ancestry: NDArray[np.int64], men: NDArray[np.bool_]) -> NDArray[np.int8]:
    """(N, V) copies by Balding and Nichols; men have 0 or 2 on X. The planted variants are common in both ancestries."""
    variants = PER_CHROMOSOME * len(CHROMOSOMES)
    ancestral, scale = rng.uniform(0.2, 0.8, variants), (1 - FST) / FST
    share = rng.beta(ancestral * scale, (1 - ancestral) * scale, (2, variants))
    share[:, [int(name[1:]) for name in (SAME, OPPOSITE, OF_MEN)]] = [[0.4], [0.55]]
    copies = rng.binomial(2, share[ancestry])
    on_x = slice(variants - PER_CHROMOSOME, variants)
    copies[men, on_x] = 2 * rng.binomial(1, share[ancestry[men]][:, on_x])
    return copies.astype(np.int8)


def write(folder: Path) -> None:
    """Genotypes, covariates and features; means and variances of the traits differ between the ancestries."""
    rng = np.random.default_rng(2)
    ancestry = rng.permutation(np.repeat([0, 1], SIZES))
    men = rng.random(PEOPLE) < 0.5
    copies, eids = draw(rng, ancestry, men), [f"p{i}" for i in range(PEOPLE)]
    names = [f"v{j}" for j in range(copies.shape[1])]
    to_bed(folder / "cohort.bed", copies, properties={
        "fid": eids, "iid": eids, "sex": np.where(men, 1, 2).tolist(), "sid": names,
        "chromosome": np.repeat(CHROMOSOMES, PER_CHROMOSOME).tolist(),
        "bp_position": [5_000_000 + 300_000 * (j % PER_CHROMOSOME) for j in range(len(names))],
        "allele_1": ["G"] * len(names), "allele_2": ["A"] * len(names),
    })  # fmt: skip
    values = rng.normal(size=(PEOPLE, 4))
    values[:, 0] += 0.7 * copies[:, names.index(SAME)]
    values[:, 1] += np.where(ancestry == 0, 1.2, -0.3) * copies[:, names.index(OPPOSITE)]
    values[:, 2] += 0.9 * men * copies[:, names.index(OF_MEN)]
    values = values * np.where(ancestry == 0, 1.0, 1.4)[:, None] + np.where(ancestry == 0, 0.0, 1.0)[:, None]
    rows = ["eid\tage", *(f"{eid}\t{rng.integers(40, 70)}" for eid in eids)]
    (folder / "covariates.tsv").write_text("\n".join(rows) + "\n")
    rows = [
        "eid\ta\tb\tc\td",
        *("\t".join([eid, *(f"{one:.6f}" for one in row)]) for eid, row in zip(eids, values, strict=True)),
    ]
    (folder / "mine.tsv").write_text("\n".join(rows) + "\n")
    (folder / "study.yaml").write_text(STUDY)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("groups")
    write(folder)
    study = Study.read_file(folder / "study.yaml")
    stages.run(study, until="report")
    return study


def combined(study: Study, variant: str, by: str) -> dict[str, Any]:
    """The comparison at the locus whose lead variant this is."""
    table = files.GROUP_EFFECTS.read(study.results).frame
    return table.filter(variant=variant, by=by, group="combined").row(0, named=True)


def groups(study: Study) -> dict[str, NDArray[np.bool_]]:
    frame = files.ANCESTRY.read(study.results).frame
    numbers = frame["ancestry_group"].to_numpy()
    return {str(number): numbers == number for number in np.unique(numbers)}


def ols(study: Study, row: dict[str, Any], members: NDArray[np.bool_]) -> tuple[float, float]:
    """Effect and standard error of a row's variant on its trait among some of the people."""
    values = pl.read_parquet(study.results / "traits" / "traits.parquet")
    covariates = pl.read_parquet(study.results / "traits" / "covariates.parquet")
    genotypes = chromosomes.open_chromosome(study.scan, row["chrom"])
    place = list(genotypes.variants).index(row["variant"])
    copies = genotypes.dosage_of(place, values["eid"].to_list())
    used = members & np.isfinite(copies) & np.isfinite(values[row["trait"]].fill_null(np.nan).to_numpy())
    design = covariates.drop("eid").to_numpy()[used]
    if row["chrom"] == "X":
        design = np.column_stack([design, genotypes.sexes[genotypes.sample_index(tuple(values["eid"]))][used]])
    design = design[:, design.std(axis=0) > 0]
    model = sm.OLS(values[row["trait"]].to_numpy()[used], np.column_stack([np.ones(used.sum()), design, copies[used]])).fit()
    return model.params[-1], model.bse[-1]


def test_two_ancestries_are_found_and_nobody_is_an_outlier(finished: Study) -> None:
    assert sorted(members.sum() for members in groups(finished).values()) == pytest.approx(sorted(SIZES), abs=8)
    reasons = files.PEOPLE.read(finished.results).frame["reason"].fill_null("")
    assert not reasons.str.contains("ancestry").any()
    assert (reasons == "").sum() > PEOPLE - 10


def test_planted_differences_are_seen_and_the_same_effect_is_not(finished: Study) -> None:
    for by in ("ancestry", "sex"):
        assert combined(finished, SAME, by)["q_p"] > 0.01
    assert combined(finished, OPPOSITE, "ancestry")["q_p"] < 1e-6
    assert combined(finished, OPPOSITE, "sex")["q_p"] > 0.01
    assert combined(finished, OF_MEN, "sex")["q_p"] < 1e-6
    assert combined(finished, OF_MEN, "ancestry")["q_p"] > 0.01


def test_groups_of_lead_variants_are_statsmodels_ols(finished: Study) -> None:
    table, checked = files.GROUP_EFFECTS.read(finished.results).frame, 0
    assert set(table["by"]) == {"ancestry", "sex"}
    eids = tuple(files.ANCESTRY.read(finished.results).frame["eid"])
    for row in table.filter(~pl.col("group").is_in(["all", "combined"])).drop_nulls("beta").iter_rows(named=True):
        genotypes = chromosomes.open_chromosome(finished.scan, row["chrom"])
        sexes = genotypes.sexes[genotypes.sample_index(eids)]
        members = groups(finished) | {"men": sexes == 1, "women": sexes == 2}
        np.testing.assert_allclose((row["beta"], row["se"]), ols(finished, row, members[row["group"]]), rtol=1e-6)
        checked += 1
    assert checked >= 12
    hits = files.HITS.read(finished.results).frame
    joint = table.filter(pl.col("group") == "all").join(hits, on=["trait", "variant", "chrom", "pos"], suffix="_of_hit")
    assert joint.height >= 6
    np.testing.assert_array_equal(joint["beta"], joint["beta_of_hit"])


def test_every_hit_has_the_p_of_a_difference(finished: Study) -> None:
    hits = files.HITS.read(finished.results).frame
    table = files.GROUP_EFFECTS.read(finished.results).frame.filter(pl.col("group") == "combined")
    assert table.height >= 6
    for row in table.iter_rows(named=True):
        hit = hits.filter(variant=row["variant"], trait=row["trait"]).row(0, named=True)
        assert hit[f"q_p_{row['by']}"] == pytest.approx(row["q_p"], rel=1e-9)
    for name in HETEROGENEITY:
        assert hits[name].null_count() == 0


def test_the_page_shows_them_at_the_locus(finished: Study) -> None:
    page = files.REPORT.path(finished.results).read_text()
    assert "The lead variant in ancestry groups, in men and in women" in page
    assert "Cochran" in page
