"""What every entry of section `represent` has, and what the rest of the program asks of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ecgwas.leads import INDEPENDENT_LEADS
from ecgwas.study.base import Options

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
"""Part of trait and folder names: letters, digits and underscores."""


class Representation(Options):
    """What every representation has."""

    name: Name
    """Its name in traits (`<name>.<lead>.<feature>`) and its folder under results/represent/."""

    # What the rest of the program asks of a kind. A kind that answers otherwise overrides the property.

    @property
    def described(self) -> str:
        """What it is, as the methods text of the report says it after "represented by"; `[@key]` cites a reference of
        report/text/references.py. Of features from a table, where they come from."""
        return str(getattr(self, "kind", self.name))

    @property
    def network_settings(self) -> dict[str, str | float | None]:
        """Settings of its network, by column of `ecgwas compare`; other columns are empty."""
        return {"epochs_at_most": getattr(self, "epochs", None)}

    @property
    def uses_recordings(self) -> bool:
        """It represents recordings; otherwise its features come from a table."""
        return True

    @property
    def uses_strips(self) -> bool:
        """It represents whole recordings; otherwise, if it uses recordings, median beats."""
        return False

    @property
    def uses_beats(self) -> bool:
        """It represents median beats, so that odd and even beats also have features."""
        return self.uses_recordings and not self.uses_strips

    @property
    def input_files(self) -> tuple[Path, ...]:
        """Files of the user that it reads, besides recordings."""
        return ()

    @property
    def input_leads(self) -> tuple[str, ...]:
        """Leads that a feature of all leads together is made from: without one of them it is missing."""
        return INDEPENDENT_LEADS

    @property
    def joins_leads(self) -> bool:
        """One set of features comes from all leads together, so that all must come from one visit."""
        return False

    @property
    def error_limit(self) -> float | None:
        """Reconstruction error in normalised units beyond which a signal has no features; None: there is no limit."""
        return None

    @property
    def retrainings(self) -> int:
        """How many times it is trained again from other seeds."""
        return 0

    @property
    def feature_count(self) -> int:
        """Features per lead, or for all leads together."""
        return 1

    @property
    def aligns_waves(self) -> bool:
        """It represents beats that are aligned wave by wave."""
        return False

    @property
    def uses_fiducials(self) -> bool:
        """It needs the fiducial points of the beats, which stage `read` finds only if a representation does."""
        return self.aligns_waves

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages of extras (extras.py) that it needs, by the names under which they are imported."""
        return ()

    @property
    def uses_torch(self) -> bool:
        """It needs PyTorch, which takes time to start and memory."""
        return "torch" in self.packages

    @property
    def has_traversals(self) -> bool:
        """The report draws what is decoded with one feature moved, where the kind can decode."""
        return True

    @property
    def measures_like_devices(self) -> bool:
        """Its features have the names and units of what ECG devices measure, so that the two can be compared."""
        return False
