"""What was done, in sentences made from the results: ready for a methods section, with numbered references.

The study file says what was requested. A check that could not be judged, another limit, or a source that was not queried
shows only in the results. So sample and variant QC come from the tables of guards, covariates from those that were fitted,
gene sources from the tables that they filled. `[@key]` cites `references.REFERENCES[key]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ecgwas.report.contents import KindWords, LociResults, ReportContents, RunInfo, ScanResults
from ecgwas.report.text.references import numbered
from ecgwas.study import RHYTHMS
from ecgwas.tables import Recordings, files
from ecgwas.tables.files import ResultFile
from ecgwas.tables.loci import unequal_variances

CLEANING = {
    "moving_average": "a moving average of {window_s:g} s was subtracted",
    "highpass": "baseline wander was removed by a zero-phase Butterworth high-pass filter at {cutoff_hz:g} Hz",
    "wavelet": "noise was reduced by {mode} wavelet shrinkage ({wavelet}, {levels} levels, universal threshold) [@wavelet]",
    "fourier": "frequencies between {low_hz:g} and {high_hz:g} Hz were kept",
}
TRANSFORMS = {
    "rank_normal": "Traits were transformed to normal quantiles by rank (Blom), and so were their residuals on the covariates "
    "[@rank_normal]; effects are in SD per allele.",
    "none": "Traits were not transformed; effects are in units of the trait per allele.",
}
WITHIN = {"ancestry": "ancestry groups", "sex": "each sex"}
NATURAL_UNITS = (
    " Effects on measured traits are also given in their unit ({units}): each hit was fitted again on "
    "untransformed values, with the same participants, covariates and genotypes."
)
THRESHOLDS = {
    "published": "5e-8 divided by the features of a lead",
    "bonferroni": "5e-8 divided by the number of traits",
    "effective": "5e-8 divided by the effective number of traits [@effective]",
    "permutation": "a family-wise error rate over all traits and variants, from {permutations:,} permutations of the "
    "participants [@permutation]",
    "permutation_effective": "a family-wise error rate over all traits and variants, from the effective number of tests at the "
    "threshold by importance sampling [@importance]",
}
SAMPLE_QC = {
    "person_call_rate": "call rate of at least {limit:g}",
    "heterozygosity": "heterozygosity within {limit:g} SD of the mean",
    "sex": "reported sex that agrees with the X chromosome",
    "kinship": "KING-robust kinship of at most {limit:g} to any other participant kept [@kinship]",
    "ancestry": "at most {limit:g} SD from the mean on every principal component of the genotypes [@components]",
}
VARIANT_QC = {
    "variant_call_rate": "call rate of at least {limit:g}",
    "variant_maf": "minor allele frequency of at least {limit:g}",
    "variant_mac": "minor allele count of at least {limit:g}",
    "variant_info": "imputation quality of at least {limit:g}",
    "variant_hwe": "Hardy-Weinberg exact p of at least {limit:g} [@hwe]",
}
NAMES = {"person_call_rate": "call rate", "variant_info": "imputation quality"}
EXAMINED = "dominance and Hardy-Weinberg equilibrium"
EXAMINED_IN_BEATS = "dominance, Hardy-Weinberg equilibrium and odd against even heartbeats"
AT_LOCI: Mapping[ResultFile, str] = {
    files.CLUMPS: "Hits with a squared correlation of at least {clump_r2:g} within {clump_window_bp:,} bp were joined.",
    files.SET_HITS: "Trait sets were tested jointly by the omnibus test and ACAT [@multitrait], in the same permutations.",
    files.CONDITIONAL: "Independent signals of a locus (at most {max_signals}) were sought by stepwise conditional analysis "
    "[@conditional].",
    files.CREDIBLE: "Credible sets with a nominal probability of 95 % (90 % in simulated loci of two or three causal "
    "variants) were found by SuSiE [@susie], or by approximate Bayes factors [@bayes_factors] where it found no effect.",
    files.AUDIT: "The strongest hits (at most {audit:,}) were examined for unequal variances (HC3 [@hc3]), the most "
    "influential participant, {examined}; effects were corrected "
    "for the winner's curse: for the threshold (conditional likelihood [@winners_curse]) and, for lead variants, for being the "
    "strongest test of the locus (hybrid conditional inference [@hybrid]).",
    files.GROUP_EFFECTS: "The lead variant of each locus was also tested within each ancestry group, and in men and in women, "
    "and the effects were compared by Cochran's Q.",
    files.HERITABILITY: "Heritability explained by common variants was estimated by Haseman-Elston regression [@haseman] and "
    "by GREML.",
}
PREDICTED = (
    " Predictions were made by ridge regression on {variants:,} common variants in blocks, after the equations of regenie "
    "[@regenie], in people whose traits were not used; they explained {predicted:.2%} of a trait (median; theory expects "
    "{expected:.2%} at the heritabilities estimated), by which χ² of true effects grows."
)
"""What the other chromosomes predict of the traits."""
OUTCOME_MODELS = {
    "logistic": "logistic regression (odds ratios of few cases by Firth's penalised likelihood [@firth])",
    "cox": "Cox regression with Efron's ties [@efron]",
    "linear": "linear regression",
}
"""Models of outcomes, as Outcomes.model has them."""
SCORES = {
    "files": "computed from scoring files [@pgs_catalog]", "theory": "with theory [@daetwyler]",
    "diseases": "combined for diseases by ridge logistic regression in nested folds, after REGLE [@regle]",
}  # fmt: skip
"""What is said of polygenic scores, with its references."""
COMPUTED = re.compile(r"computed_pc\d+")
"""Names of the genotype PCs that stage `traits` computed."""


def methods(contents: ReportContents) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Paragraphs, and the references that they cite by number in order of first mention."""
    run, tables = contents.run, contents.tables
    guards = _rows(tables.get(files.SAMPLE_GUARDS))
    paragraphs = [
        "" if contents.cohort.recordings is None else _recordings(contents.cohort.recordings, run.settings["read"]),
        _representations(run.kinds),
        _sample_qc(guards, contents.cohort.covariates),
        _associations(contents),
        _loci(run.settings["loci"], tables, has_beats=bool(run.kinds.representations)),
        _genes(contents, run.settings["genes"]),
        _outcomes(tables),
        _predictions(tables, run.settings.get("predict")),
        _scores(tables),
        _programs(run),
    ]
    return numbered([paragraph for paragraph in paragraphs if paragraph])


def _predictions(tables: Mapping[ResultFile, pl.DataFrame], options: Mapping[str, Any] | None) -> str:
    """How diseases and genotypes were predicted, if the study predicts any."""
    models = tables.get(files.PREDICTION_MODELS, pl.DataFrame())
    if options is None or models.is_empty():
        return ""
    targets = models.select("target", "kind", "analysis").unique().height
    permuted = f" and by {options['permutations']:,} permutations of the ECG" if options["permutations"] else ""
    return (
        f"{targets:,} diseases and genotypes were predicted by all traits together, by ridge logistic regression in "
        f"{options['folds']} folds; the penalty was chosen by cross-validation within the other folds. The area under the ROC "
        f"curve is compared within folds; what the ECG adds to the covariates was tested by DeLong's method{permuted}."
    )


def _outcomes(tables: Mapping[ResultFile, pl.DataFrame]) -> str:
    """How traits were tested with outcomes, if the study has any."""
    table = tables.get(files.OUTCOMES, pl.DataFrame())
    used = [row for row in _rows(tables.get(files.OUTCOME_THRESHOLDS)) if row["used"]]
    if table.is_empty() or not used:
        return ""
    models = [words for model, words in OUTCOME_MODELS.items() if (table["model"] == model).any()]
    return (
        f"Every trait was tested with {table.height:,} outcomes, adjusted for the covariates, by score tests of "
        f"{', '.join(models)}. Significance over all traits and outcomes: −log10 p {float(used[0]['neglog10p']):.2f} "
        f"({used[0]['note']})."
    )


def _scores(tables: Mapping[ResultFile, pl.DataFrame]) -> str:
    """How scores were computed and tested, if the study has any."""
    return " ".join(words for words in (_scores_of_files(tables), _own_scores(tables)) if words)


def _scores_of_files(tables: Mapping[ResultFile, pl.DataFrame]) -> str:
    table = tables.get(files.SCORE_FILES, pl.DataFrame())
    if table.is_empty():
        return ""
    low = table["share"].to_numpy().min()
    permuted = not tables[files.SCORE_TRAITS]["r2_null"].is_null().all()
    family = "by permutation of the scores" if permuted else "by Bonferroni's correction"
    return (
        f"{table.height} polygenic scores were {SCORES['files']}, of whose variants "
        f"{low:.0%} or more were in the genotypes, and tested with every trait by linear regression given the covariates; "
        f"family-wise p-values over all scores and traits are {family}."
    )


def _own_scores(tables: Mapping[ResultFile, pl.DataFrame]) -> str:
    table = tables.get(files.OWN_SCORE_TESTS, pl.DataFrame())
    if table.is_empty():
        return ""
    named = {"threshold": "clumping and thresholding", "ridge": "ridge regression"}
    methods = [words for method, words in named.items() if (table["method"] == method).any()]
    words = (
        f"Every trait was also predicted from common variants by {' and by '.join(methods)}, out of fold, and compared with "
    )
    words += f"permuted traits and {SCORES['theory']}."
    if not tables.get(files.DISEASE_SCORES, pl.DataFrame()).is_empty():
        words += f" These scores were {SCORES['diseases']}."
    return words


def _programs(run: RunInfo) -> str:
    programs = ", ".join(f"{name} {number}" for name, number in run.versions.items())
    sentence = f"Programs: {programs}; seed {run.seed}. " if programs else ""
    return f"{sentence}Reporting follows STREGA [@strega]."


def _recordings(recordings: Recordings, read: Mapping[str, Any]) -> str:
    """read: the study's options of stage read"""
    frame = recordings.frame.filter(pl.col("status") == "kept")
    kept = frame["eid"].n_unique()
    steps = [CLEANING[part["kind"]].format(**part) for part in (read["baseline"], read["denoise"]) if part["kind"] in CLEANING]
    cleaned = "; ".join(steps) or "signals were used as recorded"
    beats = read["beats"]
    reach = f"from {beats['before_ms']:g} ms before to {beats['after_ms']:g} ms after R"
    return (
        f"ECGs of {kept:,} participants ({read['rate_hz']:g} Hz, {read['seconds']:g} s) were analysed: {cleaned}. R peaks "
        f"were found jointly on all leads; the median beat extends {reach}.{_adapted(frame, read)}{_rhythms(read)}"
    )


def _rhythms(read: Mapping[str, Any]) -> str:
    """Which rhythms were excluded, if any; the settings of a study that an earlier version ran lack them."""
    excluded = [RHYTHMS[name] for name in read.get("rhythms", {}).get("exclude", [])]
    if not excluded:
        return ""
    named = " or ".join([*([", ".join(excluded[:-1])] if len(excluded) > 1 else []), excluded[-1]])
    return f" Recordings with {named}, by published criteria of intervals and waves [@rhythms], were excluded."


def _adapted(kept: pl.DataFrame, read: Mapping[str, Any]) -> str:
    """What was done to recordings of other rates or lengths, if any; their number could describe a small group."""
    rate = (
        " Recordings of other rates were resampled by polyphase filtering."
        if (kept["rate_hz"] != read["rate_hz"]).any()
        else ""
    )
    longer = (kept["seconds"] > read["seconds"]).any()
    return rate + (f" Of longer recordings the first {read['seconds']:g} s were used." if longer else "")


def _representations(kinds: KindWords) -> str:
    sentences = [f"Each recording was represented by {'; '.join(kinds.representations)}."] if kinds.representations else []
    if kinds.tables:
        sentences.append(f"Features made elsewhere were tested as they are in {' and '.join(kinds.tables)}.")
    return " ".join(sentences)


def _rows(table: pl.DataFrame | None) -> list[dict[str, Any]]:
    return [] if table is None else table.to_dicts()


def _judged(rows: Sequence[Mapping[str, Any]], words: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Criteria that were applied, with the limits that were used, and the names of those that could not be judged."""
    known = [row for row in rows if row["guard"] in words and row.get("limit") is not None]
    applied = [row for row in known if row["status"] != "not judged"]
    unjudged = [row for row in known if row["status"] == "not judged"]
    names = [NAMES.get(row["guard"], str(row["guard"]).removeprefix("variant_").replace("_", " ")) for row in unjudged]
    return [words[row["guard"]].format(limit=row["limit"]) for row in applied], names


def _unjudged(names: Sequence[str]) -> str:
    return f" Not judged, for lack of data: {', '.join(names)}." if names else ""


def _sample_qc(guards: Sequence[Mapping[str, Any]], covariates: Sequence[str]) -> str:
    """Sample QC that was applied, and the covariates that were fitted."""
    criteria, unjudged = _judged(guards, SAMPLE_QC)
    kept = f"Participants were required to have: {'; '.join(criteria)}." if criteria else ""
    return " ".join(piece for piece in (kept + _unjudged(unjudged), _covariates(covariates)) if piece).strip()


def _covariates(names: Sequence[str]) -> str:
    named = covariate_names(names)
    computed = " [@components]" if any(COMPUTED.fullmatch(name) for name in names) else ""
    return f"Covariates: {', '.join(named)}{computed}." if named else "No covariates were fitted."


def covariate_names(names: Sequence[str]) -> list[str]:
    """Covariates in words: a categorical one (levels such as center=11002) once, genotype PCs together at the end."""
    computed = [name for name in names if COMPUTED.fullmatch(name)]
    given = dict.fromkeys(
        f"{name.split('=')[0]} (categorical)" if "=" in name else name for name in names if name not in computed
    )
    components = [f"the first {len(computed)} principal components of the genotypes"] if computed else []
    return [*given, *components]


def _associations(contents: ReportContents) -> str:
    settings, results = contents.run.settings, contents.scan
    scan, loci = settings["scan"], settings["loci"]
    transform = TRANSFORMS.get(settings["traits"]["transform"], "")
    transform += _normalised_within(settings["traits"], contents.tables) + _natural_units(contents.loci.hits.frame)
    criteria, unjudged = _judged(_rows(contents.tables.get(files.SCAN_GUARDS)), VARIANT_QC)
    threshold = _threshold(contents.loci, results, contents.cohort.tested)
    filters = f" Variants were required to have: {'; '.join(criteria)}.{_unjudged(unjudged)}" if criteria else ""
    return (
        f"{transform} In {contents.cohort.tested:,} participants, {len(results.trait_names):,} traits were tested against "
        f"{results.variants_tested:,} variants ({scan['build']}) by {contents.run.kinds.engine}."
        f"{_predicted(contents.tables)}{filters} "
        f"Genomic inflation was judged by λ [@inflation]. Significance: {threshold}; "
        f"−log10 p {contents.loci.min_neglog10p:.2f}.{_unequal_variances(contents.tables)} "
        f"Hits within {loci['window_bp']:,} bp of each other form one locus."
    )


def _predicted(tables: Mapping[ResultFile, pl.DataFrame]) -> str:
    """What the other chromosomes predict of the traits, if they were predicted."""
    table = tables.get(files.POLYGENIC, pl.DataFrame())
    if table.is_empty():
        return ""
    predicted, expected = (float(np.median(table[name].drop_nulls().to_numpy())) for name in ("r2", "expected_r2"))
    return PREDICTED.format(variants=table["variants"][0], predicted=predicted, expected=expected)


def _normalised_within(traits: Mapping[str, Any], tables: Mapping[ResultFile, pl.DataFrame]) -> str:
    """Groups within which traits were normalised; traits: the study's options of that stage."""
    given = traits.get("normalise_within")
    notes = [str(row.get("note")) for row in _rows(tables.get(files.SAMPLE_GUARDS))]
    several = any("ancestry groups" in note for note in notes)
    names = ("ancestry",) if given is None and traits["transform"] == "rank_normal" else tuple(given or ())
    words = [WITHIN[name] for name in dict.fromkeys(names) if name != "ancestry" or several]
    return f" Traits were normalised within {' and '.join(words)}." if words else ""


def _natural_units(hits: pl.DataFrame) -> str:
    """How the hits of measured traits got their effects in ms or µV; empty if there are none."""
    units = sorted(hits["unit"].drop_nulls().unique())
    return NATURAL_UNITS.format(units=", ".join(units)) if units else ""


def _unequal_variances(tables: Mapping[ResultFile, pl.DataFrame]) -> str:
    """What the guards on variances found where a threshold by permutations may not hold."""
    words = unequal_variances(tables.get(files.SAMPLE_GUARDS, pl.DataFrame()))
    sentence = f" The variance of some traits differs between {words}: their false positive rate may be above the stated level."
    return sentence if words else ""


def _threshold(loci: LociResults, scan: ScanResults, tested: int) -> str:
    """The threshold that was used, which is not always the one requested; tested: number of participants."""
    kind = str(loci.threshold["kind"])
    words = THRESHOLDS.get(kind, "the p-value given in the study file").format(permutations=len(scan.permutation_max))
    people, estimator = loci.threshold.get("people"), loci.threshold.get("estimator")
    if kind != "permutation" or people is None or people >= tested:
        return words
    words = words.replace("of the participants", f"of a random sample of {people:,} participants")
    if estimator != "effective tests":
        return words
    return f"{THRESHOLDS['permutation_effective']}, within the interval of {words[2:]}"


def _loci(loci: Mapping[str, Any], tables: Mapping[ResultFile, pl.DataFrame], *, has_beats: bool) -> str:
    """What was done at each locus, by the tables that have rows.

    loci: the study's options of that stage; has_beats: features were also measured in odd and in even heartbeats.
    """
    with_rows = {file for file, table in tables.items() if table.height > 0}
    examined = EXAMINED_IN_BEATS if has_beats else EXAMINED
    return " ".join(sentence.format(examined=examined, **loci) for file, sentence in AT_LOCI.items() if file in with_rows)


def _genes(contents: ReportContents, sources: Sequence[Mapping[str, Any]]) -> str:
    """Which sources contributed genes, a network, terms and published associations; sources: the study's options."""
    results, tables, maps_by = contents.genes, contents.tables, contents.run.kinds.gene_sources
    genes = results.genes.frame.select("source", "source_version").unique(maintain_order=True).drop_nulls("source")
    mapped = [maps_by.get(source, f"by {source}").format(version=version) for source, version in genes.iter_rows()]
    parts = [f"Variants were mapped {'; '.join(dict.fromkeys(mapped))}."] if mapped else []
    parts += _network(tables, sources)
    if len(results.terms):
        parts.append("Enriched terms were identified by the hypergeometric test with Benjamini-Hochberg correction [@fdr].")
    if _rows(tables.get(files.PUBLISHED)):
        parts.append("Published associations of the hit variants were taken from the GWAS Catalog [@gwas_catalog].")
    return " ".join(parts)


def _network(tables: Mapping[ResultFile, pl.DataFrame], sources: Sequence[Mapping[str, Any]]) -> list[str]:
    """The network by its file's name; STRING is cited if it was queried or the file's name says that it is STRING's."""
    inflation = {options["kind"]: options.get("inflation") for options in sources}
    parts = []
    for row in _rows(tables.get(files.NETWORK_TESTS)):
        version = str(row["source_version"])
        of_string = row["source"] == "string_db" or "STRING" in version or "protein.links" in version
        name = f"STRING ({version}) [@string]" if of_string else f"the study's network file {version}"
        exponent = inflation.get(row["source"])
        clustered = "" if exponent is None else f" and clustered by MCL (inflation {exponent:g}) [@mcl]"
        parts.append(f"Hit genes were joined by {name}{clustered}.")
    return parts
