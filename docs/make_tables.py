"""Writes docs/tables.md from the declared tables and the list in docs/measurements.md: `python docs/make_tables.py`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ecgwas.delineation.measurements import GLOBAL_MEASUREMENTS, LEAD_MEASUREMENTS, Measurement
from ecgwas.tables import Column, Table, files
from ecgwas.tables.comparison import ComparedLoci, EngineAgreement, StudyComparison
from ecgwas.tables.loci import MetaAssociations, MetaDropped
from ecgwas.tables.recordings import CovariateExclusions

COMMANDS = {
    StudyComparison: "`FILE.csv` of `ecgwas compare STUDY STUDY ... --out FILE.csv`",
    ComparedLoci: "`compared_loci.csv` next to the page of `ecgwas compare STUDY ... --page FILE.html`",
    EngineAgreement: "`FILE.csv` of `ecgwas check-engine STUDY --out FILE.csv`",
    MetaAssociations: "`OUT.csv` of `ecgwas meta`",
    MetaDropped: "`OUT.dropped.csv` of `ecgwas meta`",
    CovariateExclusions: "`OUT_excluded.csv` and `OUT_flagged.csv` of `ecgwas covariates ukb`",
}
"""Tables that commands write where the user says."""

HEAD = """\
# Tables

Every table of `results/`, column by column. Missing is an empty cell (null), never NaN or -9. Tables about participants stay in
the results folder; of the others, those called *shared* are copied to `results/share/tables/`, without small groups."""


def tables_page() -> str:
    """Markdown: one section per table."""
    declared: dict[type[Table], list[str]] = {}
    for file in files.ALL:
        if isinstance(file, files.TableFile) and issubclass(file.table, Table):
            declared.setdefault(file.table, []).append(_place(file))
    places = {table: "; ".join(each) for table, each in declared.items()} | COMMANDS
    return "\n".join([HEAD, *(line for table, place in places.items() for line in _section(table, place))]) + "\n"


def _place(file: files.ResultFile) -> str:
    place = file.place.replace("{part}", "{chromosome}").replace("{", "<").replace("}", ">")
    about = ["about participants" if file.about_people else "shared" if file.shared else "", file.note]
    return f"`{place}` ({'; '.join(word for word in about if word)})" if any(about) else f"`{place}`"


def _section(table: type[Table], place: str) -> list[str]:
    first = (table.__doc__ or "").strip().split("\n\n")[0]
    lines = ["", f"## {table.__name__}", "", f"{place}. {' '.join(first.split())}", "", *_columns(table.columns)]
    if table.further:
        lines += ["", "These columns follow:", "", *_columns(table.further)]
    elif table.open:
        lines += ["", "Further columns may follow."]
    return lines


def _columns(columns: Mapping[str, Column]) -> list[str]:
    rows = [f"| {name} | {about.dtype} | {about.meaning.replace('|', chr(92) + '|')} |" for name, about in columns.items()]
    return ["| column | type | meaning |", "|---|---|---|", *rows]


LIST = "<!-- the list below is written by make_tables.py -->"


def measurements_page(page: str) -> str:
    """The page with its list of measurements made anew."""
    global_list, lead_list = _list("12L", GLOBAL_MEASUREMENTS), _list("I, II, V1-V6 each", LEAD_MEASUREMENTS)
    return "\n".join([page.split(LIST)[0] + LIST, "", *global_list, "", *lead_list]) + "\n"


def _list(leads: str, measurements: Mapping[str, Measurement]) -> list[str]:
    rows = [f"| {name} | {about.unit} | {about.meaning} |" for name, about in measurements.items()]
    return [f"## {leads}", "", "| feature | unit | meaning |", "|---|---|---|", *rows]


if __name__ == "__main__":
    here = Path(__file__).parent
    (here / "tables.md").write_text(tables_page())
    (here / "measurements.md").write_text(measurements_page((here / "measurements.md").read_text()))
