"""Exports of UK Biobank as each program writes them, made from one table of participants."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

Row = dict[str, str]
"""`eid` and `field-instance.array` -> code; absent: missing."""

TITLES = {
    "31": "Sex", "34": "Year of birth", "52": "Month of birth", "53": "Date of attending assessment centre",
    "54": "UK Biobank assessment centre", "21003": "Age when attended assessment centre", "22000": "Genotype measurement batch",
    "22001": "Genetic sex", "22009": "Genetic principal components", "22019": "Sex chromosome aneuploidy",
    "22020": "Used in genetic principal components", "22021": "Genetic kinship to other participants",
    "22027": "Outliers for heterozygosity or missing rate", "21001": "Body mass index (BMI)", "20116": "Smoking status",
}  # fmt: skip
PER_VISIT = ("53", "54", "21003", "21001", "20116")
MEANINGS = {
    "31-0.0": {"0": "Female", "1": "Male"}, "22001-0.0": {"0": "Female", "1": "Male"},
    "54-2.0": {"11025": "Cheadle (imaging)", "11026": "Reading (imaging)"}, "22019-0.0": {"1": "Yes"},
    "22027-0.0": {"1": "Yes"}, "22020-0.0": {"1": "Yes"},
    "22021-0.0": {
        "0": "No kinship found", "1": "At least one relative identified", "10": "Ten or more third-degree relatives identified",
    },
    "52-0.0": {"1": "January", "6": "June", "12": "December"},
    "22000-0.0": {"-3": "UKBiLEVEAX_b3", "7": "Batch_b007", "80": "Batch_b080"},
}  # fmt: skip
"""What coding REPLACE writes instead of the codes."""


def participants(people: int = 8, *, pcs: int = 12) -> list[Row]:
    """Participants without anything unusual, who attended visits 0 and 2; every third was typed on the UK BiLEVE array."""
    rng = np.random.default_rng(1)
    rows = []
    for i in range(people):
        row = {
            "eid": str(1_000_001 + 7 * i), "31-0.0": str(i % 2), "34-0.0": str(1950 + i % 15),
            "52-0.0": ("1", "6", "12")[i % 3],
            "53-0.0": "2008-03-01", "53-2.0": "2016-06-20", "54-0.0": "11010", "54-2.0": ("11025", "11026")[i // 2 % 2],
            "21003-0.0": str(58 - i % 15), "21003-2.0": str(66 - i % 15), "22000-0.0": ("-3", "7", "80")[i % 3],
            "22001-0.0": str(i % 2), "22020-0.0": "1", "22021-0.0": "0",
        }  # fmt: skip
        row |= {f"22009-0.{k}": f"{rng.normal():.4f}" for k in range(1, pcs + 1)}
        rows.append(row)
    return rows


def keys(rows: Sequence[Row]) -> list[str]:
    """Every column but eid, by field, instance and array."""
    names = {name for row in rows for name in row if name != "eid"}
    return sorted(names, key=lambda name: [int(part) for part in name.replace("-", ".").split(".")])


def parts(key: str) -> tuple[str, str, str]:
    field, _, rest = key.partition("-")
    instance, _, array = rest.partition(".")
    return field, instance, array


def rap(key: str) -> str:
    field, instance, array = parts(key)
    return f"p{field}" + (f"_i{instance}" if field in PER_VISIT else "") + (f"_a{array}" if field == "22009" else "")


def title(key: str) -> str:
    field, instance, array = parts(key)
    return (
        TITLES[field]
        + (f" | Instance {instance}" if field in PER_VISIT else "")
        + (f" | Array {array}" if field == "22009" else "")
    )


def ukbtools(key: str) -> str:
    field, instance, array = parts(key)
    words = TITLES[field].lower().replace(" ", "_").replace("(", "").replace(")", "")
    return f"{words}_f{field}_{instance}_{array}"


def joined(prefix: str, separator: str) -> Callable[[str], str]:
    return lambda key: prefix + separator.join(parts(key))


Names = tuple[str, Callable[[str], str]]
SPELLINGS: dict[str, Names] = {
    "ukbconv csv": ("eid", lambda key: key),
    "ukbconv csv read by R": ("eid", joined("X", ".")),
    "ukbconv r": ("f.eid", joined("f.", ".")),
    "ukbconv r with underscores": ("f_eid", joined("f_", "_")),
    "ukbconv stata": ("n_eid", lambda key: ("ts_" if key.startswith("53-") else "n_") + "_".join(parts(key))),
    "x": ("eid", joined("x", "_")),
    "ukbtools": ("eid", ukbtools),
    "RAP table-exporter": ("eid", rap),
    "RAP dx extract_dataset": ("participant.eid", lambda key: f"participant.{rap(key)}"),
    "RAP titles": ("Participant ID", title),
}
"""Program -> name of the column of eids, and the name of each other column."""


def frame(rows: Sequence[Row], spelling: str = "ukbconv csv", *, replace: bool = False) -> pl.DataFrame:
    """The export as text; replace: meanings instead of codes."""
    eid, name = SPELLINGS[spelling]
    columns = {eid: [row["eid"] for row in rows]}
    for key in keys(rows):
        meanings: Mapping[str, str] = MEANINGS.get(key, {}) if replace else {}
        columns[name(key)] = [meanings.get(row[key], row[key]) if key in row else None for row in rows]
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def write(path: Path, rows: Sequence[Row], spelling: str = "ukbconv csv", *, replace: bool = False) -> Path:
    """An export in the form of the path's ending: .csv (all cells quoted, as ukbconv does), .tab or .tsv, .gz, .parquet."""
    table = frame(rows, spelling, replace=replace)
    if path.suffix == ".parquet":
        numbers = [
            name
            for name in table.columns
            if table[name].cast(pl.Float64, strict=False).null_count() == table[name].null_count()
        ]
        table.with_columns(pl.col(numbers).cast(pl.Float64)).write_parquet(path)
        return path
    is_csv = ".csv" in path.suffixes
    text = table.write_csv(
        separator="," if is_csv else "\t", quote_style="always" if is_csv else "never", null_value="" if is_csv else "NA"
    )
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path
