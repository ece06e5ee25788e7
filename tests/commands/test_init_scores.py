"""The section `scores` of a first study file."""

from __future__ import annotations

from pathlib import Path

import yaml

from ecgwas.commands.init_scores import scores_section


def test_one_file_of_each_score_of_the_build_if_there_is_one(tmp_path: Path) -> None:
    assert scores_section(tmp_path, "hg19") == ""
    (tmp_path / "scores").mkdir()
    names = ("PGS000001_hmPOS_GRCh37.txt.gz", "PGS000001_hmPOS_GRCh38.txt.gz", "PGS000002.txt.gz",
             "PGS000002_hmPOS_GRCh38.txt.gz", "mine.txt", "notes.md")  # fmt: skip
    for name in names:
        (tmp_path / "scores" / name).touch()
    for build, first, second in (("hg19", names[0], names[2]), ("hg38", names[1], names[3])):
        section = yaml.safe_load(scores_section(tmp_path, build))["scores"]
        assert section == {"files": [f"scores/{first}", f"scores/{second}", "scores/mine.txt"]}
