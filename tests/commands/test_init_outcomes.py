"""The section `outcomes` of a first study file."""

from __future__ import annotations

from pathlib import Path

import yaml

from ecgwas.commands.init_outcomes import outcomes_section


def test_tables_by_their_names(tmp_path: Path) -> None:
    assert outcomes_section(tmp_path) == ""
    (tmp_path / "outcomes").mkdir()
    (tmp_path / "outcomes" / "follow_up.tsv").touch()
    assert outcomes_section(tmp_path) == ""
    for name in ("measurements.csv.gz", "diseases.tsv", "others.tsv"):
        (tmp_path / "outcomes" / name).touch()
    section = yaml.safe_load(outcomes_section(tmp_path))["outcomes"]
    assert section == {
        "follow_up": "outcomes/follow_up.tsv",
        "tables": [
            {"kind": "binary", "file": "outcomes/diseases.tsv"},
            {"kind": "numeric", "file": "outcomes/measurements.csv.gz"},
        ],
    }
