"""Section `share`."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from ecgwas.study.base import Options, option

AUTHOR = re.compile(r"(?P<name>[^()]*[^()\s])(?: \((?P<orcid>\d{4}-\d{4}-\d{4}-\d{3}[\dX])\))?")


def _author(given: str) -> str:
    if AUTHOR.fullmatch(given) is None:
        raise ValueError("write `Name`, or `Name (0000-0002-1825-0097)` with the ORCID")
    return given


def _as_text(given: object) -> object:
    """YAML reads an unquoted day as a date."""
    return given.isoformat() if type(given) is date else given


def _day(given: str) -> str:
    try:
        date.fromisoformat(given)
    except ValueError:
        raise ValueError("write the day as 2026-12-01") from None
    return given


Author = Annotated[str, AfterValidator(_author)]
Day = Annotated[str, BeforeValidator(_as_text), AfterValidator(_day)]


class ShareOptions(Options):
    """What may be passed on, in results/share: report, summary statistics and tables, without data of any one participant."""

    min_people: int = option(10, ge=3)
    """Smallest group of participants that is shown: rarer genotypes are merged with their neighbours, rarer reasons with each
    other."""
    matching: bool = True
    """Measure how often a participant's ECG can be matched to the same participant's genome, and back, by loci found without
    that participant. This takes one scan without permutations with 10,000 participants or more, and ten with up to 1,000."""
    membership: bool = True
    """Measure how well the allele frequencies and effects that are passed on distinguish the study's members from others."""
    licence: str | None = option(None, min_length=1)
    """Licence of what is passed on: an address such as https://creativecommons.org/licenses/by/4.0/, or words; none: the rules
    of the data decide. This and the next two options are for `ro-crate-metadata.json`."""
    authors: tuple[Author, ...] = ()
    """Authors of what is passed on, each `Name` or `Name (ORCID)`; they are the only persons whom the shared folder names."""
    published: Day | None = None
    """Day of publication, such as 2026-12-01, which RO-Crate requires; none: not published yet."""

    @property
    def author_names(self) -> tuple[str, ...]:
        """The authors without their ORCIDs."""
        return tuple(AUTHOR.sub(r"\g<name>", author) for author in self.authors)
