"""People who are excluded everywhere, for they have withdrawn consent: `leave_out` of `read`, or of feature tables."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from ecgwas import ids
from ecgwas.ecg import WITHDRAWN, read_eid_list
from ecgwas.errors import EcgwasError
from ecgwas.genotypes import chromosomes
from ecgwas.study import Study
from ecgwas.traits import covariates

WITHDRAWN_FROM_TABLES = "withdrawn (leave_out of the feature table)"


def reason(study: Study) -> str:
    """Why they are excluded, in words that name the option."""
    return WITHDRAWN if study.read is not None else WITHDRAWN_FROM_TABLES


def listed_eids(study: Study) -> set[str]:
    """Everybody on the study's lists. Raises InputError for a faulty list."""
    option = _option(study)
    lists = (read_eid_list(path, "people to exclude", fix=f"correct `{option}`") for path in study.lists_of_withdrawn)
    return {eid for each in lists for eid in each}


def unknown(study: Study, known: Collection[str]) -> list[str]:
    """Warnings about listed eids that occur nowhere in the study. Raises InputError if none of a list occurs.

    known: eids of the recordings, or of the feature tables.
    """
    option, warnings = _option(study), []
    written = "write the eids as in the recordings' names" if study.read is not None else "write the eids as in the table"
    fix = f"{written}; if the study's files no longer contain them, remove {option}"
    for path in study.lists_of_withdrawn:
        withdrawn = read_eid_list(path, "people to exclude", fix=f"correct `{option}`")
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
    return "read.leave_out" if study.read is not None else "leave_out"


def _elsewhere(study: Study) -> set[str]:
    """Everybody in the covariate table and the genotypes. Unreadable files are skipped here; other checks report them."""
    eids: set[str] = set()
    with suppress(EcgwasError):
        eids |= set(covariates.read(study.traits).eids)
    with suppress(EcgwasError):
        eids |= set(chromosomes.eids_in_all_files(study.scan))
    return eids
