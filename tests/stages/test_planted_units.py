"""The demo's cohort, from files to hits: effects in ms and µV are the planted ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats

from ecgwas import stages
from ecgwas.commands.demo import simulate_into
from ecgwas.commands.init import write_study
from ecgwas.genotypes import chromosomes
from ecgwas.study import Study
from ecgwas.tables import files

pytestmark = pytest.mark.slow

PEOPLE = 300
TRAIT_OF = {
    "qt_ms": "qt_ms", "pr_ms": "pr_ms", "qrs_ms": "qrs_ms", "r_uv": "qrs_vector_uv", "t_uv": "t_vector_uv",
}  # fmt: skip
"""Planted parameter -> the measurement of the same quantity, named before any estimate."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The demo's people with their measurements alone, at the customary threshold."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    simulate_into(folder, people=PEOPLE, seed=1)
    path = write_study(folder, represent="  - {kind: intervals, name: clinical}\n")
    text = path.read_text().replace("# loci:\n#   threshold: permutation", "loci:\n  threshold: 5.0e-8")
    path.write_text(text.replace("  # min_mac: 20", "  permutations: 0"))
    study = Study.read_file(path)
    stages.run(study, until="loci")
    return study


def planted(study: Study) -> list[dict[str, Any]]:
    table = pl.read_csv(study.folder / "truth.tsv", separator="\t", schema_overrides={"chrom": pl.String})
    return table.to_dicts()


def estimated(study: Study, effect: dict[str, Any]) -> tuple[float, float, int]:
    """Effect of the planted allele on the trait named for it, standard error and participants, from hits.csv."""
    hits = files.HITS.read(study.results).frame
    of_trait = hits.filter(trait=f"clinical.12L.{TRAIT_OF[effect['parameter']]}")
    hit = of_trait.row(by_predicate=pl.col("variant") == effect["variant"], named=True)
    assert hit["unit"] == ("ms" if effect["parameter"].endswith("_ms") else "µV")
    sign = 1.0 if hit["effect_allele"] == effect["allele"] else -1.0
    return sign * hit["effect"], hit["effect_se"], hit["n"]


def drawn(study: Study, effect: dict[str, Any]) -> float:
    """The slope of the true parameter in these participants: the planted effect and the chance of their drawing."""
    true = pl.read_csv(study.folder / "parameters.tsv", separator="\t", schema_overrides={"eid": pl.String})
    covariates = files.COVARIATES.read(study.results)
    genotypes = chromosomes.open_chromosome(study.scan, effect["chrom"])
    place = list(genotypes.variants).index(effect["variant"])
    copies = genotypes.dosage_of(place, covariates.eids)
    copies = copies if genotypes.effect_alleles[place] == effect["allele"] else 2 - copies
    values = pl.DataFrame({"eid": list(covariates.eids)}).join(true, on="eid", maintain_order="left")[effect["parameter"]]
    used = np.isfinite(copies)
    design = sm.add_constant(np.column_stack([covariates.values, copies])[used])
    return float(sm.OLS(values.to_numpy()[used], design).fit().params[-1])


def test_planted_effects_are_within_the_intervals_of_their_estimates(finished: Study) -> None:
    """One of five 95 % intervals may miss by chance (T's does: its true values have a slope of 113 µV); none by far."""
    inside = []
    for effect in planted(finished):
        value, error, people = estimated(finished, effect)
        assert abs(value - effect["effect"]) < 3 * error, effect["parameter"]
        inside.append(abs(value - effect["effect"]) < stats.t.ppf(0.975, people - 17) * error)
    assert len(inside) == len(TRAIT_OF)
    assert sum(inside) >= 4


def test_measurements_keep_the_scale_of_what_was_planted(finished: Study) -> None:
    """Compared with the slope of the true parameters, which share the chance of the drawing, estimates are within a tenth."""
    for effect in planted(finished):
        value, error, _ = estimated(finished, effect)
        assert value == pytest.approx(drawn(finished, effect), rel=0.1), effect["parameter"]
        assert abs(value - drawn(finished, effect)) < error, effect["parameter"]


def test_measurements_and_devices_agree(finished: Study) -> None:
    """Both measure global intervals, and axes from net areas; T ends here later than by its tangent alone, and QRS is as wide
    as cardiologists mark it in LUDB, some 5 ms wider than by the velocity that the simulated devices use.

    Durations of P have an SD of 7 ms in the simulated people, no more than the error of measuring one: a low correlation.
    """
    table = files.DEVICE_AGREEMENT.read(finished.results, representation="clinical").frame
    by_name = {row["measurement"]: row for row in table.iter_rows(named=True)}
    largest_mean_and_limit = {
        "heart_rate_bpm": (0.5, 3), "p_ms": (10, 30), "pr_ms": (8, 22), "qrs_ms": (13, 20), "qt_ms": (15, 26),
        "qtc_bazett_ms": (16, 28), "p_axis_deg": (5, 15), "qrs_axis_deg": (5, 15), "t_axis_deg": (5, 15),
    }  # fmt: skip
    assert set(by_name) == set(largest_mean_and_limit)
    for name, (mean, limit) in largest_mean_and_limit.items():
        row = by_name[name]
        assert row["n"] > 0.95 * PEOPLE, name
        assert abs(row["mean_difference"]) < mean, name
        assert -limit < row["low"] < row["high"] < limit, name
        assert row["r"] > (0.3 if name == "p_ms" else 0.8), name
    assert by_name["qt_ms"]["mean_difference"] > 5
