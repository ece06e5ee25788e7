"""What each stage has done, in counts: its line on the terminal and in the log. Read from the results of the finished stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from ecgwas.stages import own_scores, scan
from ecgwas.stages.base import stage_folder
from ecgwas.study import Study
from ecgwas.tables import Recordings, files
from ecgwas.traits import exclusions

MAX_REASONS = 5
"""Reasons named in a line; the others are added up."""
TESTED = "tested"


def in_counts(study: Study, stage: str) -> str:
    """What the stage has done, on one line. It must have run."""
    return SUMMARIES[stage](study)


def _read(study: Study) -> str:
    first = files.RECORDINGS.read(study.results)
    people = _kept(first)
    repeats = files.REPEATS.read(study.results)
    # Recordings of repeat visits are listed twice: as not analysed, and as kept to measure reliability.
    others = first.frame.filter(pl.col("status") != "kept").join(repeats.frame, on="path", how="anti")
    excluded = others["reason"].value_counts()
    counts = [(str(reason), int(count)) for reason, count in excluded.iter_rows()]
    again = f", {_kept(repeats):,} of them twice" if len(repeats) else ""
    return f"{people:,} people{again}; {_excluded(counts, 'file')}"


def _kept(recordings: Recordings) -> int:
    return recordings.frame.filter(pl.col("status") == "kept")["eid"].n_unique()


def _represent(study: Study) -> str:
    names, people = [], 0
    for options in study.represent:
        path = files.FEATURES.path(study.results, representation=options.name)
        features = [name for name in pl.read_parquet_schema(path) if name not in ("eid", "lead", "mse")]
        names.append(f"{options.name} {_count(len(features), 'feature')}")
        people = max(people, pl.scan_parquet(path).select(pl.col("eid").n_unique()).collect().item())
    return f"{', '.join(names)}; {people:,} people"


def _traits(study: Study) -> str:
    people = files.PEOPLE.read(study.results)
    status = files.TRAIT_REPORT.read(study.results).frame["status"]
    kept = people.frame.filter(pl.col("status") == "kept").height
    traits, excluded = int((status == "kept").sum()), int((status != "kept").sum())
    gone = _excluded(exclusions.exclusion_counts(people), "person")
    return f"{_count(traits, 'trait')} of {kept:,} people; {gone}; {_excluded([('', excluded)], 'trait')}"


def _scan(study: Study) -> str:
    counts = scan.variant_counts(study).frame.group_by("outcome").agg(pl.col("variants").sum())
    by_outcome = {str(outcome): int(count) for outcome, count in counts.iter_rows() if count}
    tested, in_files = by_outcome.pop(TESTED, 0), int(counts["variants"].sum())
    return f"{tested:,} of {in_files:,} variants tested; {_excluded(list(by_outcome.items()), 'variant')}"


def _loci(study: Study) -> str:
    hits, loci = (file.read(study.results).frame.height for file in (files.HITS, files.LOCI))
    used = files.THRESHOLDS.read(study.results).frame.filter(pl.col("used"))
    limit = f", -log10 p > {used['neglog10p'][0]:.2f} ({used['kind'][0]})" if used.height else ""
    return f"{_count(loci, 'locus')}, {_count(hits, 'hit')}{limit}"


def _genes(study: Study) -> str:
    genes, clusters = (file.read(study.results).frame for file in (files.GENES, files.CLUSTERS))
    edges, terms = (file.read(study.results).frame for file in (files.EDGES, files.TERMS))
    counts = {
        "gene": genes["gene"].drop_nulls().n_unique(), "edge": edges.height, "cluster": clusters["cluster"].n_unique(),
        "enriched term": int(terms["kept"].sum()),
    }  # fmt: skip
    return ", ".join(_count(number, what) for what, number in counts.items())


def _outcomes(study: Study) -> str:
    if study.outcomes is None:
        return "no outcomes"
    outcomes = files.OUTCOMES.read(study.results).frame
    used = files.OUTCOME_THRESHOLDS.read(study.results).frame.filter(pl.col("used"))
    tested, listed = int((outcomes["tests"] > 0).sum()), outcomes.height
    significant = f"{used['significant'][0]:,} significant (-log10 p > {used['neglog10p'][0]:.2f}, {used['kind'][0]})"
    return f"{tested:,} of {_count(listed, 'outcome')} tested; {used['tests'][0]:,} tests, {significant}"


def _predict(study: Study) -> str:
    if study.predict is None:
        return "no predictions"
    targets = files.PREDICTION_TARGETS.read(study.results).frame
    predicted = int((targets["status"] == "predicted").sum())
    gains = int((targets["gain_low"] > 0).sum())
    return f"{predicted:,} of {_count(targets.height, 'target')} predicted; the ECG adds to the covariates for {gains:,}"


def _scores(study: Study) -> str:
    if study.scores is None:
        return "no scores"
    own = own_scores.in_words(files.OWN_SCORE_TESTS.read(study.results)) if study.scores.own is not None else ""
    return "; ".join(words for words in (_scores_of_files(study) if study.scores.files else "", own) if words)


def _scores_of_files(study: Study) -> str:
    each, tests = files.SCORE_FILES.read(study.results).frame, files.SCORE_TRAITS.read(study.results).frame
    used, variants = int(each["used"].sum()), int(each["variants"].sum())
    significant = int(tests["significant"].sum())
    matched = f"{_count(each.height, 'score')}, {used:,} of {variants:,} variants used"
    return f"{matched}; {tests.height:,} tests, {significant} significant"


def _report(study: Study) -> str:
    figures = len(files.FIGURE.all_names(study.results))
    return f"{_count(figures, 'figure')}, page of {files.REPORT.path(study.results).stat().st_size / 2**20:.1f} MiB"


def _share(study: Study) -> str:
    paths = [path for path in stage_folder(study, "share").rglob("*") if path.is_file()]
    return f"{_count(len(paths), 'file')}, {sum(path.stat().st_size for path in paths) / 2**20:.1f} MiB"


SUMMARIES: Mapping[str, Callable[[Study], str]] = {
    "read": _read, "represent": _represent, "traits": _traits, "scan": _scan, "loci": _loci, "genes": _genes,
    "outcomes": _outcomes, "predict": _predict, "scores": _scores, "report": _report, "share": _share,
}  # fmt: skip

PLURALS = {"person": "people", "locus": "loci"}


def _count(number: int, what: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {what if number == 1 else PLURALS.get(what, f'{what}s')}"


def _excluded(reasons: Sequence[tuple[str, int]], what: str) -> str:
    """`12 files excluded (duplicate: 10, flat: 2)`; the most frequent reasons first."""
    total = sum(count for _, count in reasons)
    ordered = sorted((one for one in reasons if one[0] and one[1]), key=lambda one: (-one[1], one[0]))
    named = [f"{reason}: {count:,}" for reason, count in ordered[:MAX_REASONS]]
    others = sum(count for _, count in ordered[MAX_REASONS:])
    named += [f"other reasons: {others:,}"] if others else []
    why = f" ({', '.join(named)})" if named else ""
    return f"{_count(total, what) if total else f'no {what}'} excluded{why}"
