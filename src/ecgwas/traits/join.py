"""Features, covariates and genotyped people joined: one column per trait, one row per person who has everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from ecgwas.errors import InputError, first_few
from ecgwas.leads import ALL_LEADS, LEADS
from ecgwas.statistics.projection import residuals, span
from ecgwas.study import TraitOptions
from ecgwas.tables import Covariates, Features, Guards, People, Traits
from ecgwas.tables.recordings import Ancestry
from ecgwas.traits import covariates as covariate_tables
from ecgwas.traits import overlap, variances
from ecgwas.traits.covariates import PC_NAME, CodedCovariates, CovariateTable
from ecgwas.traits.sample_qc import RunSampleQc, SampleQc, unjudged
from ecgwas.traits.transform import TENS, transformed

MAX_SKEWNESS, MAX_KURTOSIS = 1.0, 3.0
"""Beyond these a trait's few largest values carry its test; rank-normal traits are far within."""

SAME_CORRELATION = 1.0 - 1e-12
"""Traits whose correlation is beyond this, with either sign, are one trait."""

REPORT_SCHEMA: dict[str, Any] = {
    "trait": pl.String, "status": pl.String, "reason": pl.String, "n": pl.Int64,
    "skewness_before": pl.Float64, "kurtosis_before": pl.Float64,
    "skewness_after": pl.Float64, "kurtosis_after": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class TraitTables:
    """What the stage `traits` gives.

    traits      (N, K), people sorted by eid, missing NaN
    covariates  (N, C), the same people in the same order, no missing values
    people      every person of any table
    report      one row per feature: trait, status kept | left_out, reason, n, skewness and excess kurtosis before, and of
                what is tested: after the transformation and without the covariates (biased; null where left out before it)
    guards      every guard over people and traits
    ancestry    group of ancestry of each person of the traits, in their order, and within which group traits were normalised
    notes       what was changed or is worth knowing, in words
    """

    traits: Traits
    covariates: Covariates
    people: People
    report: pl.DataFrame
    guards: Guards
    ancestry: Ancestry
    notes: tuple[str, ...]


def build(
    options: TraitOptions, features: Mapping[str, Features], genotype_people: Sequence[str], judge: RunSampleQc = unjudged
) -> TraitTables:
    """Traits and covariates of the people who have features, covariates and genotypes and whom the guards let pass.

    features: representation name -> its features; genotype_people: eids of the genotype files; judge: the guards over
    people, asked once with everyone who has everything; its principal components become covariates where the table has none.
    A feature that is null for everyone at a lead does not apply there and is no trait. Constant, duplicate and nearly
    empty ones are left out and listed. Raises InputError if the tables' eids never meet, or too few people remain.
    """
    table = covariate_tables.read(options)
    unmet = overlap.check_ids(options, table, genotype_people, _recorded(features))
    people = _people(table, genotype_people, features)
    kept = tuple(people.frame.filter(pl.col("status") == "kept")["eid"])
    overlap.refuse_too_few(options, kept, people, table, unmet)
    judged = judge(kept)
    people, kept = _guarded(people, judged), judged.eids
    overlap.refuse_too_few(options, kept, people, table, unmet)
    coded = _with_components(covariate_tables.code(table, kept, options), judged, options)
    candidates, notes = _candidates(features, kept)
    strata, more = _strata(options, judged)
    names, values, report = _transformed(options, candidates, coded.covariates, strata)
    if not names:
        problem = f"none of the {len(candidates)} features makes a trait: {first_few(sorted({r['reason'] for r in report}))}"
        raise InputError(problem, fix="see the features in results/represent; lower traits.min_people if the study is small")
    traits = Traits(kept, tuple(names), values)
    frame = pl.DataFrame(report, schema=REPORT_SCHEMA)
    guards = pl.concat([judged.guards.frame, _trait_guards(frame).frame, _of_variance(traits, coded, judged).frame])
    ancestry = Ancestry(
        pl.DataFrame({"eid": list(kept), "ancestry_group": judged.ancestry_groups, "normalised_within": strata})
    )
    return TraitTables(
        traits, coded.covariates, people, frame, Guards(guards), ancestry, (*unmet, *coded.notes, *notes, *more)
    )  # fmt: skip


def _strata(options: TraitOptions, judged: SampleQc) -> tuple[NDArray[np.int64], list[str]]:
    """(N,) group within which each person's traits are normalised, and notes on options that do nothing."""
    columns = {"ancestry": TENS * judged.ancestry_groups, "sex": judged.sexes.astype(np.int64)}
    notes = [
        f"traits.normalise_within: {name} does nothing, everybody is in one group{' or X is not tested' * (name == 'sex')}"
        for name in dict.fromkeys(options.normalise_within)
        if len(np.unique(columns[name])) == 1
    ]
    numbers = np.zeros(len(judged.eids), dtype=np.int64)
    for name in dict.fromkeys(options.normalise_within):
        numbers += columns[name]
    return numbers, notes


def _of_variance(traits: Traits, coded: CodedCovariates, judged: SampleQc) -> Guards:
    """The guards over variances, with the components that are covariates, or else those computed."""
    given = [k for k, name in enumerate(coded.covariates.names) if PC_NAME.fullmatch(name)]
    scores = coded.covariates.values[:, given] if given else judged.genotype_pcs
    return variances.check_variances(
        traits, coded.covariates.values, variances.VarianceGroups(judged.ancestry_groups, scores, judged.sexes)
    )


def _guarded(people: People, judged: SampleQc) -> People:
    """The people with those dropped whom a guard left out."""
    out = people.frame["eid"].is_in(list(judged.excluded))
    reason = people.frame["eid"].replace_strict(judged.excluded, default="", return_dtype=pl.String)
    status = pl.when(out).then(pl.lit("dropped")).otherwise(pl.col("status"))
    return People(people.frame.with_columns(status=status, reason=pl.when(out).then(reason).otherwise(pl.col("reason"))))


def _with_components(coded: CodedCovariates, judged: SampleQc, options: TraitOptions) -> CodedCovariates:
    """The covariates and, where the table has none, the principal components of the genotypes."""
    given = [name for name in coded.covariates.names if PC_NAME.fullmatch(name)]
    count = 0 if given else min(options.components, judged.genotype_pcs.shape[1])
    if count == 0:
        return coded
    names = tuple(f"computed_pc{k + 1}" for k in range(count))
    values = np.hstack([coded.covariates.values, judged.genotype_pcs[:, :count]])
    note = f"{count} principal components of the genotypes computed: the covariate table has none"
    return CodedCovariates(Covariates(coded.covariates.eids, (*coded.covariates.names, *names), values), (*coded.notes, note))


def _trait_guards(report: pl.DataFrame) -> Guards:
    """Traits left out, and the shape of those kept."""
    kept = report.filter(pl.col("status") == "kept")
    out = report.height - kept.height
    rows: list[dict[str, Any]] = [
        {
            "guard": "usable_traits", "about": "traits", "status": "warn" if out else "pass", "value": float(kept.height),
            "limit": 1.0, "left_out": out, "of": report.height,
            "note": "traits kept; constant, duplicate, nearly empty ones and combinations of covariates are left out",
        }
    ]  # fmt: skip
    for shape, limit in (("skewness", MAX_SKEWNESS), ("kurtosis", MAX_KURTOSIS)):
        before, after = (kept[f"{shape}_{when}"].abs().max() for when in ("before", "after"))
        worst = None if after is None else round(float(after), 6)  # type: ignore[arg-type]
        beyond = int((kept[f"{shape}_after"].abs() > limit).sum())
        status = "pass" if beyond == 0 else "warn"
        words = f"largest absolute {shape} of what is tested"
        note = words if before is None else f"{words}; before the transformation {float(before):.2f}"  # type: ignore[arg-type]
        rows.append(
            {"guard": shape, "about": "traits", "status": status, "value": worst, "limit": limit, "left_out": 0,
             "of": kept.height, "note": note}
        )  # fmt: skip
    return Guards.of(rows)


def remeasured(
    options: TraitOptions, features: Mapping[str, Features], covariates: Covariates, names: Sequence[str],
    strata: NDArray[np.int64] | None = None,
) -> Traits:  # fmt: skip
    """The traits of `names` made of other measurements of the same people; those that are not there or too few are left out.

    strata (N,): the group within which each person is normalised, as in `Ancestry`; None: one group.
    """
    within = np.ones(len(covariates.eids), dtype=np.int64) if strata is None else strata
    candidates, _ = _candidates(features, covariates.eids)
    columns: dict[str, NDArray[np.float64]] = {}
    for name in names:
        values = candidates.get(name)
        present = None if values is None else np.isfinite(values)
        if values is None or present is None or present.sum() < options.min_people or np.ptp(values[present]) == 0:
            continue
        basis = span(covariates.values[present])
        observed = values[present]
        columns[name] = np.full(len(values), np.nan)
        columns[name][present] = transformed(options, observed, basis, within[present])
    matrix = np.column_stack(list(columns.values())) if columns else np.empty((len(covariates.eids), 0))
    return Traits(covariates.eids, tuple(columns), matrix)


def permuted(tables: TraitTables, rng: np.random.Generator) -> TraitTables:
    """Each person's traits and covariates given, together, to another person: the null twin of the tables.

    What traits and covariates have to do with each other stays; what they have to do with genotypes is gone.
    """
    order = rng.permutation(len(tables.traits.eids))
    traits = replace(tables.traits, values=tables.traits.values[order])
    covariates = replace(tables.covariates, values=tables.covariates.values[order])
    return replace(tables, traits=traits, covariates=covariates, notes=(*tables.notes, "people are shuffled: a null study"))


def _recorded(features: Mapping[str, Features]) -> dict[str, set[str]]:
    """`the recordings` -> eids with features."""
    return {"the recordings": {eid for one in features.values() for eid in one.frame["eid"].unique()}}


def _people(table: CovariateTable, genotyped: Sequence[str], features: Mapping[str, Features]) -> People:
    recorded: set[str] = set()
    measured: set[str] = set()
    for one in features.values():
        recorded |= set(one.frame["eid"])
        if one.names:
            any_measured = pl.any_horizontal(pl.col(one.names).is_not_null())
            measured |= set(one.frame.filter(any_measured)["eid"])
    lacking, covered, genotypes = table.missing(), set(table.eids), set(genotyped)
    rows = []
    for eid in sorted(recorded | covered | genotypes):
        reasons = []
        if eid not in recorded:
            reasons.append("no recording")
        elif eid not in measured:
            reasons.append("no feature measured")
        if eid not in genotypes:
            reasons.append("no genotypes")
        if eid not in covered:
            reasons.append("no covariates")
        reasons += [f"missing covariate {name}" for name in lacking.get(eid, ())]
        rows.append({"eid": eid, "status": "dropped" if reasons else "kept", "reason": "; ".join(reasons)})
    return People.of(rows)


def exclusion_counts(people: People) -> list[tuple[str, int]]:
    """Reason and people, the commonest first; each person dropped counts once, under the first reason, without its numbers."""
    reasons = people.frame.filter(pl.col("status") != "kept")["reason"]
    first = (overlap.SAMPLE_QC_REASON.sub(r"\1", reason.split("; ")[0]) for reason in reasons)
    return sorted(Counter(first).items(), key=lambda item: (-item[1], item[0]))


def _candidates(features: Mapping[str, Features], kept: Sequence[str]) -> tuple[dict[str, NDArray[np.float64]], list[str]]:
    """Trait name -> (N,) float64 of the people kept, missing NaN; features that apply to nobody at a lead are not there."""
    candidates: dict[str, NDArray[np.float64]] = {}
    notes = []
    order = {lead: i for i, lead in enumerate((*LEADS, ALL_LEADS))}
    people = pl.DataFrame({"eid": list(kept)}, schema={"eid": pl.String})
    for representation, table in features.items():
        leads = sorted(table.frame["lead"].unique(), key=lambda lead: (order.get(lead, len(order)), lead))
        for lead in leads:
            rows = table.frame.filter(pl.col("lead") == lead)
            applies = [name for name in table.names if rows[name].null_count() < rows.height]
            joined = people.join(rows, on="eid", how="left", maintain_order="left")
            for name in applies:
                values = joined[name].cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
                infinite = int(np.isinf(values).sum())
                if infinite:
                    notes.append(f"{representation}.{lead}.{name}: {infinite} infinite value(s) taken as missing")
                values[~np.isfinite(values)] = np.nan
                candidates[f"{representation}.{lead}.{name}"] = values
    return candidates, notes


def _transformed(
    options: TraitOptions, candidates: Mapping[str, NDArray[np.float64]], covariates: Covariates, strata: NDArray[np.int64]
) -> tuple[list[str], NDArray[np.float64], list[dict[str, Any]]]:
    """Names of the traits kept, their values (N, K), and the report on every candidate."""
    kept: dict[str, NDArray[np.float64]] = {}
    rows: dict[str, dict[str, Any]] = {}
    spans: dict[bytes, NDArray[np.float64]] = {}
    for name, values in candidates.items():
        present = np.isfinite(values)
        rows[name] = {"trait": name, "status": "kept", "reason": "", "n": int(present.sum())}
        observed = values[present]
        reason = _unusable(observed, len(values), options)
        if reason is None:
            key = present.tobytes()
            if key not in spans:
                spans[key] = span(covariates.values[present])
            reason = _carried(observed, spans[key]) or _explained(observed, residuals(observed, spans[key]))
        if reason is not None:
            rows[name] |= {"status": "left_out", "reason": reason}
            continue
        after = transformed(options, observed, spans[key], strata[present])
        rows[name] |= _shape(observed, "before") | _shape(residuals(after, spans[key]), "after")
        column = np.full(len(values), np.nan)
        column[present] = after
        kept[name] = column
    for name, first in _duplicates({name: candidates[name] for name in kept}).items():
        rows[name] |= {"status": "left_out", "reason": f"the same as {first}"}
        del kept[name]
    for name, first in _duplicates(kept).items():
        rows[name] |= {"status": "left_out", "reason": f"the same as {first} after the transformation"}
        del kept[name]
    matrix = np.column_stack(list(kept.values())) if kept else np.empty((len(covariates.eids), 0))
    return list(kept), matrix, list(rows.values())


def _unusable(observed: NDArray[np.float64], people: int, options: TraitOptions) -> str | None:
    if len(observed) < options.min_people:
        return f"measured in {len(observed)} people, fewer than {options.min_people}"
    if len(observed) < options.min_share * people:
        return f"measured in {len(observed)} of {people} people, less than a share of {options.min_share:g}"
    if np.ptp(observed) == 0:
        return "the same value in everyone"
    same = float(np.unique(observed, return_counts=True)[1].max()) / len(observed)
    if same > options.max_same:
        return f"the same value in {same:.0%} of people: the few others would carry every test"
    return None


def _carried(observed: NDArray[np.float64], basis: NDArray[np.float64]) -> str | None:
    """People against the covariates that vary among them: without a degree of freedom left, nothing can be tested."""
    if len(observed) > basis.shape[1] + 1:
        return None
    return f"measured in {len(observed)} people, too few for {basis.shape[1] - 1} covariates"


def _explained(observed: NDArray[np.float64], rest: NDArray[np.float64]) -> str | None:
    if np.std(rest) > 1e-7 * np.std(observed):
        return None
    return "a combination of the covariates: nothing remains to test"


def _shape(values: NDArray[np.float64], when: str) -> dict[str, float]:
    return {f"skewness_{when}": float(stats.skew(values)), f"kurtosis_{when}": float(stats.kurtosis(values))}


def _duplicates(columns: Mapping[str, NDArray[np.float64]]) -> dict[str, str]:
    """Name -> first trait before it that is the same but for sign, scale and shift, among the same people."""
    groups: dict[bytes, list[str]] = {}
    for name, values in columns.items():
        groups.setdefault(np.isfinite(values).tobytes(), []).append(name)
    duplicates: dict[str, str] = {}
    for names in groups.values():
        present = np.isfinite(columns[names[0]])
        values = np.column_stack([columns[name][present] for name in names])
        centred = values - values.mean(axis=0)
        unit = centred / np.linalg.norm(centred, axis=0)
        later, earlier = np.nonzero(np.tril(np.abs(unit.T @ unit) > SAME_CORRELATION, k=-1))
        for i, j in zip(later, earlier, strict=True):
            duplicates.setdefault(names[i], names[j])
    return {name: first for name, first in duplicates.items() if first not in duplicates} | {
        name: duplicates[first] for name, first in duplicates.items() if first in duplicates
    }
