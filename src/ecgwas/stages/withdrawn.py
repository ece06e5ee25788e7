"""People who are excluded everywhere, such as those who have withdrawn: `leave_out` of `read`, or of feature tables."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from ecgwas import ids
from ecgwas.ecg import LEAVE_OUT, exclusion_reasons
from ecgwas.errors import EcgwasError
from ecgwas.genotypes import chromosomes
from ecgwas.study import Study
from ecgwas.traits import covariates


def reasons(study: Study) -> dict[str, str]:
    """Everybody on the study's lists: eid -> why, with the option's name. Raises InputError for a faulty list."""
    reason_of: dict[str, str] = {}
    for path in study.lists_of_withdrawn:
        reason_of = _of_list(study, path) | reason_of
    return reason_of


def _of_list(study: Study, path: Path) -> dict[str, str]:
    return exclusion_reasons(path, _option(study), of="" if study.read is not None else " of the feature table")


def unknown(study: Study, known: Collection[str]) -> list[str]:
    """Warnings about listed eids that occur nowhere in the study. Raises InputError if none of a list occurs.

    known: eids of the recordings, or of the feature tables.
    """
    option, warnings = _option(study), []
    written = "write the eids as in the recordings' names" if study.read is not None else "write the eids as in the table"
    fix = f"{written}; if the study's files no longer contain them, remove {option}"
    for path in study.lists_of_withdrawn:
        withdrawn = _of_list(study, path)
        if not withdrawn:
            warnings.append(f"{path.name}: the list of people to exclude is empty")
            continue
        known_eids = set(known)
        if not known_eids.issuperset(withdrawn):
            known_eids |= _elsewhere(study)
        what, source = "people to exclude", "the study's tables"
        words = ids.unknown(withdrawn, known_eids, what=what, source=source, where=path, fix=fix)
        warnings += [] if words is None else [words]
    return warnings


def _option(study: Study) -> str:
    return LEAVE_OUT if study.read is not None else "leave_out"


def _elsewhere(study: Study) -> set[str]:
    """Everybody in the covariate table and the genotypes. Unreadable files are skipped here; other checks report them."""
    eids: set[str] = set()
    with suppress(EcgwasError):
        eids |= set(covariates.read(study.traits).eids)
    with suppress(EcgwasError):
        eids |= set(chromosomes.eids_in_all_files(study.scan))
    return eids
