"""The overlap of recordings, covariates and genotypes: which participants are in all tables, and whether they are enough."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import polars as pl

from ecgwas import ids
from ecgwas.errors import Caution, EcgwasError, InputError, first_few, raise_together
from ecgwas.genotypes.people_lists import FEMALE, MALE, SEX_CODES
from ecgwas.study import TraitOptions
from ecgwas.tables import People
from ecgwas.traits import covariates as covariate_tables
from ecgwas.traits import suspect_values
from ecgwas.traits.covariates import CovariateTable

RECORDINGS = "the recordings"
"""One source of features, in messages; the others are feature tables."""

SPARSE_SHARE = 0.1
"""A warning names each covariate that more than this share of participants lack, since all of them are excluded."""


SAMPLE_QC_REASON = re.compile(r"^(call rate|heterozygosity|sex|related to another person|ancestry outlier)\b.*")
"""A reason from sample QC, followed by the details of one participant."""

MAX_SEX_MISMATCH = 0.02
"""A warning is given if the two tables disagree on the sex of more than this share of participants."""


def check(
    options: TraitOptions, genotype_people: Sequence[str], represented: Mapping[str, set[str]] | None = None,
    sexes: Mapping[str, int] | None = None,
) -> Sequence[str]:  # fmt: skip
    """Reads the covariate table and compares its participants with those genotyped; returns messages, warnings as Caution.

    represented: `the recordings`, `the feature table mine` -> eids there; empty if they are not known. sexes: of the
    genotyped participants (1 male, 2 female, 0 unknown), compared with those of the covariates. Raises InputError or
    StudyError as `join.build` does, as far as this can be known without features.
    """
    table = covariate_tables.read(options)
    sides = represented or {}
    unmet = check_ids(options, table, genotype_people, sides)
    in_all_tables = set(table.eids) & set(genotype_people)
    in_all_tables &= set().union(*sides.values()) or in_all_tables
    complete = sorted(in_all_tables - set(table.missing()))
    sparse = [
        f"{name} in {count} of {len(in_all_tables)}" for name, count in table.sparse(in_all_tables, share=SPARSE_SHARE).items()
    ]
    missing = [f"people without all covariates are dropped; missing: {first_few(sparse, 10)}"] if sparse else []
    people = f"genotyped people with {noun_of(sides)}s" if sides else "genotyped people"
    shortage = f"only {len(complete)} of {len(in_all_tables)} {people} in the covariate table have all covariates"
    needed = f"at least {options.min_people} are needed (traits.min_people)"
    if not complete or len(complete) < options.min_people <= len(in_all_tables):
        problem = "".join((shortage, *(f"; {words}" for words in (*unmet, *missing))))
        fix = f"{needed}; exclude sparse columns: name the others under traits.use"
        raise InputError(problem, where=options.covariates, fix=fix)
    shortage_warnings = (
        [] if len(complete) >= options.min_people else [f"{shortage}: {needed}, or `ecgwas run` ends at stage traits"]
    )
    try:
        coded = covariate_tables.code(table, complete, options)
    except InputError as mistake:
        if not shortage_warnings:
            raise
        fix = f"{needed}; see read.leave_out, scan.people and who is in which table"
        raise InputError(f"{shortage}, and {mistake.problem}", where=options.covariates, fix=fix) from None
    line = f"{len(table.eids)} people in the covariate table, {len(complete)} of them genotyped with nothing missing"
    facts = [f"{line}; {len(coded.covariates.names)} covariate columns", *(n for n in coded.notes if n not in table.warnings)]
    return [*facts, *map(Caution, (*unmet, *table.warnings, *missing, *shortage_warnings, *_of_sexes(table, sexes or {})))]


def noun_of(represented: Collection[str]) -> str:
    """What a participant must have of a study's sources of features: a recording, or a feature from a table."""
    return "recording" if set(represented) <= {RECORDINGS} else "feature"


def _with_features(noun: str) -> str:
    return noun if noun == "recording" else "features"


def _features_of(represented: Collection[str]) -> str:
    names = ["the recordings' names" if source == RECORDINGS else source for source in represented]
    return " and ".join(names) or "the recordings' names"


def _of_sexes(table: CovariateTable, sexes: Mapping[str, int]) -> list[str]:
    """Warnings if a sex covariate and the genotypes' sample list disagree, which suggests participants in another order.

    Two levels with other names, such as 0 and 1, may mean either sex: the assignment that fits better is used.
    """
    warnings = []
    for name in (name for name in table.names if suspect_values.is_sex(name)):
        cells = table.levels.get(name) or [None if np.isnan(value) else f"{value:g}" for value in table.numbers[name]]
        coded = [(cell.lower(), sexes.get(eid, 0)) for eid, cell in zip(table.eids, cells, strict=True) if cell is not None]
        pairs = [(cell, sex) for cell, sex in coded if sex in (MALE, FEMALE)]
        levels = sorted({cell for cell, _ in pairs})
        if len(levels) != 2:
            continue
        if set(levels) <= set(SEX_CODES):
            other = sum(SEX_CODES[cell] != sex for cell, sex in pairs)
        else:
            fit = sum((cell == levels[0]) == (sex == MALE) for cell, sex in pairs)
            other = min(fit, len(pairs) - fit)
        if other > MAX_SEX_MISMATCH * len(pairs):
            words = f"covariate {name} and the sexes in the genotype files differ in {other} of {len(pairs)} people"
            warnings.append(f"{words}: are the people of one of them in another order, or is one coded the other way round?")
    return warnings


def check_ids(
    options: TraitOptions, table: CovariateTable, genotyped: Sequence[str], recorded: Mapping[str, set[str]]
) -> list[str]:
    """Warnings about eids that do not match. Raises InputError if two of the tables have no participant in common."""
    sides = {**recorded, "the covariate table": set(table.eids), "the genotypes": set(genotyped)}
    names = list(sides)
    mistakes: list[EcgwasError] = []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            if sides[a] & sides[b]:
                continue
            examples = ids.examples_of_both(sides[a], sides[b], a=a, b=b)
            others = _features_of(recorded)
            fix = f"write the same eid in all three: the covariate table, the .fam file (second column), {others}"
            mistakes.append(InputError(f"{a} and {b} have no person in common ({examples})", where=options.covariates, fix=fix))
    raise_together(mistakes, what="the ids of people")
    return ids.overlap_warnings(sides)


def refuse_too_few(
    options: TraitOptions, kept: Sequence[str], people: People, table: CovariateTable, unmet: Sequence[str],
    noun: str = "recording",
) -> None:  # fmt: skip
    """Raises InputError, with reasons and sparse covariates, if fewer than `min_people` participants are kept.

    unmet: warnings about eids that do not match, from `check_ids`; noun: from `noun_of`.
    """
    if len(kept) >= options.min_people:
        return
    dropped = people.frame.filter(pl.col("status") == "dropped")["reason"]
    reasons = Counter(SAMPLE_QC_REASON.sub(r"\1", reason) for reason in dropped)
    why = first_few(f"{reason}: {count}" for reason, count in reasons.most_common())
    lacking = pl.col("reason").str.starts_with("missing covariate")
    in_all_tables = {*kept, *people.frame.filter(lacking)["eid"]}
    sparse = first_few(
        f"{name} in {count} of {len(in_all_tables)}" for name, count in table.sparse(in_all_tables, share=SPARSE_SHARE).items()
    )
    problem = f"only {len(kept)} people have {_with_features(noun)}, genotypes and covariates (of {len(people)}; {why})"
    problem += "".join(f"; {words}" for words in unmet)
    fix = f"at least {options.min_people} are needed (traits.min_people)"
    if sparse:
        problem += f"; covariates missing: {sparse}"
        fix += "; exclude sparse columns: name the others under traits.use"
    raise InputError(problem, where=options.covariates, fix=fix)
