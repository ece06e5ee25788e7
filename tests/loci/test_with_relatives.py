"""Follow-up of hits in families: tests equal to GEMMA's, alone and conditional; valid where least squares is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from ecgwas.genotypes import chromosomes
from ecgwas.loci import conditional, credible_sets, fine_mapping, natural_units
from ecgwas.loci.audit import Auditor
from ecgwas.loci.individual_data import Chromosome, VariantsTested
from ecgwas.loci.models import MixedModel
from ecgwas.mixed import reml, whitening
from ecgwas.mixed.rotation import rotation
from ecgwas.scan import relatives
from ecgwas.statistics.projection import span
from ecgwas.study import LociOptions
from ecgwas.study.scan import Matrix
from ecgwas.tables import Covariates, LeftOutVariants, Traits
from ecgwas.tables.loci import Clumps
from tests.mixed import families, gemma

PEOPLE, CAUSE, SECOND = 240, 30, 200
NAMES = ("mine.I.qt", "mine.I.pr")
NOBODY = VariantsTested.from_frame(LeftOutVariants.empty().frame)


def pairs_listed(stem: Path, people: int, related: float) -> NDArray[np.float64]:
    """Writes a list of siblings with estimates of their kinship, and returns the relationship (N, N)."""
    g, rng, rows = np.eye(people), np.random.default_rng(5), ["ID1\tID2\tKinship"]
    for i, j in families.siblings(people, related):
        kinship = round(float(rng.normal(0.25, 0.02)), 6)
        g[i, j] = g[j, i] = 2 * kinship
        rows.append(f"p{i}\tp{j}\t{kinship}")
    stem.with_suffix(".kin0").write_text("\n".join(rows) + "\n")
    return g


def model_options(stem: Path, relatives: str, chromosomes_tested: int = 4) -> Matrix:
    given = {
        "genotypes": stem, "relatives": relatives, "permutations": 0, "threads": 1, "min_hwe_p": 0.0,
        "chromosomes": tuple(str(number + 1) for number in range(chromosomes_tested)),
    }  # fmt: skip
    return Matrix.model_validate(given | ({"kinship": stem.with_suffix(".kin0")} if relatives == "family" else {}))


def made(folder: Path, relatives: str, *, missing: float = 0.0) -> tuple[Matrix, Chromosome, NDArray[np.float64]]:
    """Families with two causal variants of the first trait on chromosome 1, and the covariates with intercept (N, 3)."""
    cohort = families.draw(PEOPLE, 1200, related=0.8, seed=3)
    values = families.polygenic(cohort.copies, np.array([0.6, 0.6]), 1)
    values[:, 0] += 1.2 * cohort.copies[:, CAUSE] + 0.8 * cohort.copies[:, SECOND]
    values[7:15, 1] = np.nan
    rng = np.random.default_rng(4)
    copies = cohort.copies.copy()
    copies[rng.random(copies.shape) < missing] = -127
    stem = folder / "cohort"
    gemma.fileset(stem, copies, values, cohort.chromosome)
    eids, own = tuple(f"p{i}" for i in range(PEOPLE)), rng.standard_normal((PEOPLE, 2))
    pairs_listed(stem, PEOPLE, 0.8)
    options = model_options(stem, relatives)
    opened = chromosomes.open_chromosome(options, "1")
    chromosome = Chromosome.of(opened, Traits(eids, NAMES, values), Covariates(eids, ("a", "b"), own))
    return options, chromosome.keeping_relatives(options), np.column_stack([np.ones(PEOPLE), own])


@pytest.mark.gemma
@pytest.mark.parametrize(("kind", "trait"), [("polygenic", 0), ("polygenic", 1), ("family", 0), ("family", 1)])
def test_tests_are_those_of_gemma_alone_and_conditional_on_other_variants(tmp_path: Path, kind: str, trait: int) -> None:
    options, chromosome, design = made(tmp_path, kind)
    g = pairs_listed(tmp_path / "pairs", PEOPLE, 0.8)
    if kind == "polygenic":
        g = relatives.loco_relationship(options, "1", tuple(f"p{i}" for i in range(PEOPLE)))
    model = chromosome.model(NAMES[trait])
    assert isinstance(model, MixedModel)
    copies = chromosome.region(np.arange(300)).copies
    for others in ([], [CAUSE], [CAUSE, SECOND]):
        theirs, _ = gemma.wald(options.genotypes, g, np.column_stack([design, copies[others].T]), trait)
        for name in ("v5", "v77", "v250"):
            (row,) = theirs.filter(pl.col("rs") == name).to_dicts()
            fit = model.fit(copies[int(name[1:])], [copies[j] for j in others])
            np.testing.assert_allclose(fit.se, row["se"], rtol=1e-5)
            np.testing.assert_allclose(abs(fit.beta), abs(row["beta"]), rtol=1e-5, atol=1e-5 * row["se"])
            assert fit.df == len(model.values) - 4 - len(others)
            np.testing.assert_allclose(fit.neglog10p, -np.log10(float(row["p_wald"])), rtol=1e-4, atol=1e-5)


def test_the_ratio_of_variances_with_variants_is_that_of_the_scan() -> None:
    rng = np.random.default_rng(2)
    loadings = rng.standard_normal((90, 60))
    basis = span(rng.standard_normal((90, 2)))
    turned = whitening.WithoutCovariates(rotation(loadings @ loadings.T / 60, basis))
    trait, variant = rng.standard_normal((2, 90))
    trait += loadings @ rng.standard_normal(60) / 8
    y, x = turned.turned(np.array([trait, variant]))
    alone = reml.estimates(turned.values, y[None])[0]
    both = reml.estimates(turned.values, y[None], x[None])[0]
    np.testing.assert_allclose(whitening.estimate(turned, y, np.empty((0, len(y)))), alone, rtol=1e-5)
    np.testing.assert_allclose(whitening.estimate(turned, y, x[None]), both, rtol=1e-5)
    white = whitening.whitened(turned, trait[None], alone)
    np.testing.assert_allclose(white @ basis, 0, atol=1e-10)


@pytest.mark.parametrize("kind", ["polygenic", "family"])
def test_signals_credible_sets_and_audit_of_planted_variants(tmp_path: Path, kind: str) -> None:
    options, chromosome, _ = made(tmp_path, kind, missing=0.01)
    model, region = chromosome.model(NAMES[0]), chromosome.region(np.arange(300))
    steps = conditional.stepwise(model, region, CAUSE, limit=4.0, max_signals=5)
    assert [row["variant"] for row in steps if row["significant"]] == [f"v{CAUSE}", f"v{SECOND}"]
    sets = credible_sets.credible_sets(model, region, effects=5)
    assert {row["variant"] for row in sets if row["method"] == "susie"} == {f"v{CAUSE}", f"v{SECOND}"}
    hit = fine_mapping_row(chromosome, CAUSE)
    row = Auditor(chromosome, 4.0).audit(hit, region.copies[CAUSE])
    fit = model.fit(region.copies[CAUSE])
    assert row["neglog10p_without_top"] < fit.neglog10p + 1
    assert row["neglog10p_hc3"] > 4
    assert row["flags"] == ""
    hits = pl.DataFrame([hit])
    effects = natural_units.natural_effects(
        hits, {NAMES[0]: "ms"}, lambda names: Traits(tuple(f"p{i}" for i in range(PEOPLE)), tuple(names),
        10 * chromosome.cohort.values[:, :1]), covariates_of(chromosome), lambda _: chromosome.genotypes, options,
    )  # fmt: skip
    np.testing.assert_allclose(effects["effect"], 10 * fit.beta, rtol=1e-6)
    np.testing.assert_allclose(effects["effect_se"], 10 * fit.se, rtol=1e-6)


def fine_mapping_row(chromosome: Chromosome, variant: int) -> dict[str, object]:
    """A row of Associations."""
    region = chromosome.region(np.array([variant]))
    fit = chromosome.model(NAMES[0]).fit(region.copies[0])
    return {
        "trait": NAMES[0], **region.variant_row(0), "eaf": 0.3, "n": PEOPLE, "beta": fit.beta, "se": fit.se, "t": fit.t,
        "neglog10p": fit.neglog10p,
    }  # fmt: skip


def covariates_of(chromosome: Chromosome) -> Covariates:
    return Covariates(tuple(f"p{i}" for i in range(PEOPLE)), ("a", "b"), chromosome.cohort.covariates)


def test_conditional_tests_of_null_variants_are_calibrated_where_least_squares_is_not(tmp_path: Path) -> None:
    """Variants of one chromosome, tested conditional on a causal one; the trait is inherited through the other chromosomes."""
    squares: dict[str, list[float]] = {"polygenic": [], "family": [], "drop": []}
    for seed in range(8):
        cohort = families.draw(PEOPLE, 1200, related=1.0, seed=50 + seed, chromosomes=2)
        values = families.polygenic(cohort.copies[:, cohort.chromosome == 2], np.array([0.8]), seed)
        values[:, 0] += cohort.copies[:, CAUSE]
        stem = tmp_path / f"cohort{seed}"
        gemma.fileset(stem, cohort.copies, values, cohort.chromosome)
        eids = tuple(f"p{i}" for i in range(PEOPLE))
        pairs_listed(stem, PEOPLE, 1.0)
        traits, none = Traits(eids, NAMES[:1], values), Covariates(eids, (), np.empty((PEOPLE, 0)))
        plain = Chromosome.of(chromosomes.open_chromosome(model_options(stem, "drop", 2), "1"), traits, none)
        copies = plain.region(np.arange(0, 600, 6)).copies
        for kind, each in squares.items():
            model = plain.keeping_relatives(model_options(stem, kind, 2)).model(NAMES[0])
            each += [model.fit(one, [copies[CAUSE // 6]]).t ** 2 for one in copies[CAUSE // 6 + 1 :]]
    polygenic, family, drop = (np.mean(each) for each in squares.values())
    assert 0.9 < polygenic < 1.1
    assert 0.9 < family < 1.1
    assert drop > 1.25


@pytest.mark.parametrize("kind", ["polygenic", "family"])
def test_fine_mapping_of_loci_with_relatives(tmp_path: Path, kind: str) -> None:
    _, chromosome, _ = made(tmp_path, kind)
    hit = fine_mapping_row(chromosome, CAUSE)
    loci = {
        "locus": 1, "chrom": "1", "start": CAUSE + 1, "stop": CAUSE + 1, "lead_variant": f"v{CAUSE}", "pos": CAUSE + 1,
        "effect_allele": hit["effect_allele"], "other_allele": hit["other_allele"], "best_trait": NAMES[0], "test": "single",
    }  # fmt: skip
    mapped = fine_mapping.fine_map(
        LociOptions(window_bp=10_000), pl.DataFrame([hit]), pl.DataFrame([loci]), Clumps.empty(), lambda _: chromosome, NOBODY,
        limit=4.0, build="hg19",
    )  # fmt: skip
    assert mapped.conditional.frame.filter(pl.col("significant")).height >= 2
    assert mapped.audit.frame["strongest_of"].item() > 300
    assert mapped.loci["neglog10p_conditional"].item() > 4
