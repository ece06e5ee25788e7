"""Tables of docs/validation/relatives.md from recorded runs; see make_validation.py."""

from __future__ import annotations

from docs.recorded_runs import Lines, Row, Run, table

NAMES = {"gemma": "GEMMA", "jamma": "JAMMA", "fastlmm": "FaST-LMM", "bolt": "BOLT-LMM"}
"""Programs as their authors write them."""


def _cohort(name: str) -> str:
    """`families-1500` in words."""
    kind, _, people = name.partition("-")
    return f"{kind}, {int(people):,} people" if people else kind


def programs(run: Run) -> Lines:
    """Agreement and CPU time of other programs."""
    header = (
        "data", "people, variants", "program", "traits: tested by it, by ecgwas", "tests compared",
        "largest relative difference of χ²", "correlation of χ²", "CPU seconds per trait",
        "all traits by ecgwas, CPU seconds", "times as fast",
    )  # fmt: skip
    return table(header, [
        [_cohort(row["words"][0]).split(",")[0], f"{row['people']:,}, {row['variants']:,}",
         f"{NAMES[row['words'][1]]} {row['version']}", f"{row['compared']}, {row['traits']}", f"{row['rows']:,}",
         f"{row['max_rel_chi2']:.2g}", f"{row['correlation']:.6f}", f"{row['seconds_per_trait']:.2f}", f"{row['seconds']:.1f}",
         f"{row['speed_ratio']:,}"]
        for row in run.of("LMM")
    ])  # fmt: skip


def inflation(run: Run) -> Lines:
    """Genomic inflation by heritability."""
    found = [row for row in run.of("LAMBDA") if "h2" in row]
    cohorts = list(dict.fromkeys(row["words"][0] for row in found))
    shares = list(dict.fromkeys(row["h2"] for row in found))
    by_place = {(row["words"][0], row["h2"]): row for row in found}
    return table(("heritability", *(f"{share:g}" for share in shares)), [
        [f"{_cohort(cohort)}, {words}", *(f"{by_place[cohort, share][name]:.3f}" for share in shares)]
        for cohort in cohorts
        for name, words in (("mixed", "mixed model"), ("least_squares", "least squares"))
    ])  # fmt: skip


def _error(row: Row) -> str:
    observed, low, high = (f"{100 * row[name]:.1f}" for name in ("observed", "low", "high"))
    return f"{observed} % of {row['studies']} (5 %: {low} to {high})"


def errors(run: Run) -> Lines:
    """Family-wise error, and what the screen may miss."""
    lines = [
        ["null studies with a test beyond the threshold of 200 permutations", _cohort(row["words"][0]), _error(row)]
        for row in run.of("FWER")
    ]
    margins = run.of("MARGIN")
    people = " to ".join(f"{of(row['people'] for row in margins)}" for of in (min, max))
    largest = max(row["times_people"] for row in margins)
    lines.append(["largest shortfall of the screen's t², times the number of people (limit: 100)", people, f"{largest}"])
    return table(("", "people", "result"), lines)


def pedigrees(run: Run) -> Lines:
    """Planted loci found in pedigrees dropped through real genomes."""
    found = run.of("RECALL")
    names = {
        "polygenic": "`polygenic`", "drop": "`drop`: the founders",
        "everyone_as_unrelated": "least squares, relatives taken for unrelated",
    }  # fmt: skip
    header = ("", "people", "planted loci found", "traits and chromosomes without effects that have a hit", "λ there")
    lines = []
    for name, words in names.items():
        rows = [row for row in found if row["words"][1] == name]
        recall = ", ".join(f"{100 * row['recall']:.0f}" for row in rows)
        lines.append([
            words, f"{rows[0]['people']:,}", f"{recall} %",
            f"{sum(row['false'] for row in rows)} of {sum(row['of'] for row in rows)}",
            ", ".join(f"{row['lambda']:.2f}" for row in rows),
        ])  # fmt: skip
    return table(header, lines)


def times(run: Run) -> Lines:
    """CPU seconds of the exact mixed model and of least squares."""
    header = (
        "variants, traits", "least squares", "mixed model", "ratio", "ratio of operations",
        "without what is done once per chromosome", "ratio", "the same, rotation by BLAS",
    )  # fmt: skip
    return table(header, [
        [f"{row['variants']:,}, {row['traits']}", f"{row['least_squares']:.2f}", f"{row['mixed']:.2f}", f"{row['ratio']:.0f}",
         f"{row['floor']:.1f}", f"{row['mixed_without_rotation_made']:.2f}", f"{row['ratio_without']:.0f}",
         f"{row['genotypes_rotated_by_blas']:.2f}"]
        for row in run.of("TIME")
    ])  # fmt: skip


def family_agreement(run: Run) -> Lines:
    """Agreement with GEMMA, family-wise error and what the screen may miss."""
    (gemma,), margins = run.of("GEMMA"), run.of("MARGIN")
    rows = [["largest relative difference of χ² from GEMMA with the same G", _cohort(gemma["words"][0]),
             f"{gemma['max_rel_chi2']:.2g} ({gemma['rows']} rows compared)"]]  # fmt: skip
    rows += [
        ["null studies with a test beyond the threshold of 200 permutations", _cohort(row["words"][0]), _error(row)]
        for row in run.of("FWER")
    ]
    people = " to ".join(f"{of(row['people'] for row in margins)}" for of in (min, max))
    largest = max(row["constant"] for row in margins)
    rows.append(["largest constant of the screen's margin (limit: 15)", people, f"{largest:.1f}"])
    return table(("", "people", "result"), rows)


def family_times(run: Run) -> Lines:
    """CPU seconds of the model of families and of least squares."""
    header = ("people, in families", "`keep_neglog10p`", "tests computed exactly", "least squares", "families", "ratio")
    return table(header, [
        [f"{row['people']:,}, {row['in_families']:.0%}", f"{row['keep']:g}", f"{row['rows']:,}", f"{row['least_squares']:.2f}",
         f"{row['family']:.2f}", f"{row['ratio']:.1f}"]
        for row in run.of("COST")
    ])  # fmt: skip


def predictions(run: Run) -> Lines:
    """Share of variance that other chromosomes predict, by heritability."""
    found = run.of("BY_H2")
    return table(("heritability", *(f"{row['h2']:g}" for row in found)), [
        ["share of variance predicted", *(f"{100 * row['r2']:.2f} %" for row in found)],
        ["theory", *(f"{100 * row['theory']:.2f} %" for row in found)],
        ["heritability estimated, mean; SD", *(f"{row['estimate']:.2f}; {row['sd']:.2f}" for row in found)],
    ])  # fmt: skip


def cost_of_predictions(run: Run) -> Lines:
    """CPU time, memory and temporary disk of predictions."""
    header = (
        "people, variants, traits", "CPU minutes (threads)", "CPU minutes for 100,000 people", "memory", "temporary files",
    )  # fmt: skip
    return table(header, [
        [f"{row['people']:,}, {row['variants']:,}, {row['traits']}", f"{row['minutes']:.1f} ({row['threads']})",
         f"{row['to_100000']:.1f}", f"{row['gib']:.1f} GiB", f"{row['temporary_bytes']} bytes"]
        for row in run.of("POLYGENIC")
    ])  # fmt: skip
