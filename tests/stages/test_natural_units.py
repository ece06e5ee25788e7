"""Effects in natural units, from files to tables: statsmodels on the features, participants joined by eid, finds the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from ecgwas import represent, stages
from ecgwas.genotypes import chromosomes
from ecgwas.stages import null
from ecgwas.stages import traits as traits_stage
from ecgwas.study import Study
from ecgwas.tables import NATURAL_EFFECT, Loci, files
from tests.cohorts import make_cohort

pytestmark = pytest.mark.slow

REPRESENT = """\
  - {kind: intervals, name: clinical}
  - {kind: pca, name: pca, features: 3}
  - {kind: beat_points, name: points, points: 12}
"""
THRESHOLD = "threshold: 1.0e-3"
"""So high that the small cohort has hits of many traits."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    path = make_cohort(tmp_path_factory.mktemp("units"), people=80, variants=80, permutations=20, represent=REPRESENT)
    path.write_text(path.read_text().replace("threshold: permutation", THRESHOLD))
    study = Study.read_file(path)
    stages.run(study, until="loci")
    return study


def ols(study: Study, hit: dict[str, Any]) -> tuple[float, float]:
    """Effect and standard error by statsmodels; a missing call excludes its participant."""
    representation, lead, feature = hit["trait"].split(".", 2)
    features = pl.read_parquet(study.results / "represent" / representation / "features.parquet")
    measured = features.filter(pl.col("lead") == lead).select("eid", value=feature)
    covariates = pl.read_parquet(study.results / "traits" / "covariates.parquet")
    genotypes = chromosomes.open_chromosome(study.scan, hit["chrom"])
    place = list(genotypes.variants).index(hit["variant"])
    copies = pl.DataFrame({"eid": covariates["eid"], "copies": genotypes.dosage_of(place, covariates["eid"].to_list())})
    joined = covariates.join(measured, on="eid").join(copies, on="eid").fill_nan(None).drop_nulls()
    design = sm.add_constant(joined.drop("eid", "value").to_numpy())
    model = sm.OLS(joined["value"].to_numpy(), design).fit()
    return model.params[-1], model.bse[-1]


def test_every_effect_is_statsmodels_ols_on_the_features(finished: Study) -> None:
    hits = files.HITS.read(finished.results).frame
    with_unit = hits.drop_nulls("unit")
    assert with_unit.height > 20
    assert set(with_unit["trait"].str.split(".").list.first()) == {"clinical", "points"}
    for hit in with_unit.iter_rows(named=True):
        np.testing.assert_allclose((hit["effect"], hit["effect_se"]), ols(finished, hit), rtol=1e-8)


def test_learned_features_have_no_unit_and_no_effect_in_it(finished: Study) -> None:
    hits = files.HITS.read(finished.results).frame
    learned = hits.filter(pl.col("trait").str.starts_with("pca."))
    assert learned.height > 0
    assert learned.select(list(NATURAL_EFFECT)).null_count().row(0) == (learned.height,) * len(NATURAL_EFFECT)
    assert hits.filter(~pl.col("trait").str.starts_with("pca.")).select(list(NATURAL_EFFECT)).null_count().row(0) == (0, 0, 0)


def test_a_locus_has_the_effect_of_its_lead_variant_on_its_best_trait(finished: Study) -> None:
    hits, loci = files.HITS.read(finished.results).frame, files.LOCI.read(finished.results).frame
    assert loci["unit"].null_count() < loci.height
    for locus in loci.iter_rows(named=True):
        lead = hits.filter((pl.col("variant") == locus["lead_variant"]) & (pl.col("trait") == locus["best_trait"]))
        assert [locus[name] for name in NATURAL_EFFECT] == [lead[name].item() for name in NATURAL_EFFECT]
    assert set(NATURAL_EFFECT) <= set(Loci.further)


def test_every_trait_has_the_unit_that_its_kind_says(finished: Study) -> None:
    report = files.TRAIT_REPORT.read(finished.results).frame
    units = {options.name: represent.units(options) for options in finished.represent}
    for trait, unit in report.select("trait", "unit").iter_rows():
        representation, _, feature = trait.split(".", 2)
        assert unit == units[representation].get(feature)
    assert set(report["unit"].drop_nulls()) == {"ms", "µV", "degrees", "beats/min"}


def test_untransformed_values_are_missing_where_the_trait_is(finished: Study) -> None:
    tested = traits_stage.load_traits(finished)
    raw = traits_stage.load_untransformed(finished, tested.names)
    assert (raw.eids, raw.names) == (tested.eids, tested.names)
    np.testing.assert_array_equal(np.isnan(raw.values), np.isnan(tested.values))


def test_a_null_study_permutes_values_as_its_traits(finished: Study) -> None:
    """Covariates, which are permuted together with traits, tell whose values each participant has received."""
    null_study = null.null_study_of(finished)
    null.link_shared_stages(finished, null_study)
    stages.run_part(null_study, "traits", "all")
    own, other = (traits_stage.load_covariates(study).values for study in (finished, null_study))
    source = np.array([int(np.flatnonzero((own == row).all(axis=1))[0]) for row in other])
    assert (source != np.arange(len(source))).mean() > 0.9
    names = ["clinical.12L.heart_rate_bpm", "points.V2.t06"]
    values, permuted = (traits_stage.load_untransformed(study, names).values for study in (finished, null_study))
    np.testing.assert_array_equal(permuted, values[source])
