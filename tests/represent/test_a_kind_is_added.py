"""docs/add_a_method.md, followed to the letter in a copy of the source: every command works with the kind that was added."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ecgwas.leads import LEADS
from tests.added_kind import command_of, package_with
from tests.cohorts import make_cohort

OPTIONS = '''
class Mean(Representation):
    """The mean voltage of each lead's median beat."""

    kind: Literal["mean"] = "mean"

    @property
    def described(self):
        """The mean."""
        return "the mean voltage of each lead"


RepresentationOptions = Annotated['''

FILE = """\
from dataclasses import dataclass

import numpy as np
import polars as pl

from ecgwas.represent.reliability.reconstruction import ERRORS_SCHEMA, HISTORY_SCHEMA
from ecgwas.leads import LEADS
from ecgwas.tables import Features


@dataclass(frozen=True)
class MeanEncoder:
    history = pl.DataFrame(schema=HISTORY_SCHEMA)
    errors = pl.DataFrame(schema=ERRORS_SCHEMA)

    def encode(self, signals):
        means = np.asarray(signals.beats).mean(axis=2).ravel()
        eids = [eid for eid in signals.eids for _ in LEADS]
        return Features(pl.DataFrame({"eid": eids, "lead": list(LEADS) * len(signals), "mean_uv": means}))

    def decode(self, features):
        return None

    def save(self, folder):
        (folder / "encoder.json").write_text("{}")


def fit(options, signals, *, seed, scratch=None, track=None):
    return MeanEncoder()


def load(folder):
    return MeanEncoder()
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with a kind more, added as the page says: a class of options and a file."""
    return package_with(
        tmp_path_factory.mktemp("source"), section="represent", before="\nRepresentationOptions = Annotated[",
        after=OPTIONS + "Mean | ", file="represent/mean.py", content=FILE,
    )  # fmt: skip


@pytest.mark.slow
def test_every_command_works_with_a_kind_that_was_added(source: Path, tmp_path: Path) -> None:
    represent = "  - {kind: mean, name: level}\n"
    study = make_cohort(tmp_path / "cohort", people=60, variants=40, permutations=50, represent=represent)

    with command_of(source) as ecgwas:
        ecgwas("check", str(study))
        assert "represent" in ecgwas("plan", str(study))
        assert "mean" in ecgwas("options")
        ecgwas("run", str(study), "--on", "local", "--jobs", "2", "--until", "represent")
        ecgwas("run", str(study))
        results = study.parent / "results"
        traits = pl.read_csv(results / "traits" / "traits.csv").filter(pl.col("status") == "kept")["trait"]
        assert set(traits) == {f"level.{lead}.mean_uv" for lead in LEADS}
        for page in ("report", "share"):
            text = (results / page / "report.html").read_text()
            assert "level.V1.mean_uv" in text
            assert "Each recording was represented by the mean voltage of each lead." in text
        for command in ("report", "share"):
            ecgwas(command, str(study), "--force")
        assert "level" in ecgwas("compare", str(study))
