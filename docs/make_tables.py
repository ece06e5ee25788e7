"""Writes docs/tables.md from the declared tables and the list in docs/measurements.md: `python docs/make_tables.py`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ecgwas import tables
from ecgwas.delineation.measurements import OF_A_LEAD, OF_ALL_LEADS, Measurement
from ecgwas.tables import comparison, genes, loci, recordings

WHERE = {
    "Recordings": "`results/read/recordings.parquet`, and `results/read/repeats.parquet` of second visits",
    "DeviceMeasurements": "results/read/device_measurements.parquet",
    "FiducialPoints": "results/read/fiducials.parquet",
    "LeadQuality": "results/read/lead_quality.parquet",
    "LeadCounts": "results/read/leads.csv, and in results/share/tables/read/ without small groups",
    "Features": "results/represent/<name>/features.parquet",
    "Reliability": "results/represent/<name>/reliability.csv (kinds with `input: beat`, and all where somebody came twice)",
    "SignalErrors": "`results/represent/<name>/kept.csv`, and those without features `results/represent/<name>/left_out.csv`",
    "DevicePairs": "results/represent/<name>/device_pairs.parquet (kind `intervals`)",
    "DeviceAgreement": "results/represent/<name>/device_agreement.csv (kind `intervals`)",
    "People": "results/traits/people.csv",
    "Ancestry": "results/traits/ancestry.parquet",
    "Guards": "results/traits/guards.csv and results/loci/guards.csv",
    "Associations": "results/scan/<chromosome>.parquet",
    "SetAssociations": "results/scan/sets/<chromosome>.parquet",
    "LeftOutVariants": "results/scan/left_out/<chromosome>.parquet",
    "VariantCounts": "`results/scan/variants/<chromosome>.csv`, and all together `results/loci/variants.csv`",
    "Summary": "results/loci/summary.csv",
    "Thresholds": "results/loci/thresholds.csv",
    "Hits": "results/loci/hits.csv",
    "Loci": "results/loci/loci.csv",
    "Clumps": "results/loci/clumps.csv",
    "SetHits": "results/loci/multitrait.csv",
    "Conditional": "results/loci/conditional.csv",
    "Credible": "results/loci/credible.csv",
    "Audit": "results/loci/audit.csv",
    "Neighbourhoods": "results/loci/neighbourhoods.parquet",
    "Inflation": "results/loci/inflation.csv",
    "Heritability": "results/loci/heritability.csv",
    "KnownTested": "results/loci/known.csv",
    "Comparison": "`results/compare.csv` of `ecgwas compare` with one study",
    "StudyComparison": "FILE.csv of `ecgwas compare STUDY STUDY ... --out FILE.csv`",
    "Matching": "results/share/tables/share/matching.csv",
    "Membership": "results/share/tables/share/membership.csv",
    "MetaAssociations": "OUT.csv of `ecgwas meta`",
    "MetaDropped": "OUT.dropped.csv of `ecgwas meta`",
    "Genes": "results/genes/genes.csv",
    "Clusters": "results/genes/clusters.csv",
    "Edges": "results/genes/edges.csv",
    "Terms": "results/genes/enrichment.csv",
    "TermChoice": "results/genes/term_choice.csv",
    "ClusterTerms": "results/genes/cluster_terms.csv",
    "ClusterView": "results/genes/cluster_view.csv",
    "NetworkTests": "results/genes/network_tests.csv",
    "GeneCounts": "results/genes/gene_counts.csv",
    "GeneLeads": "results/genes/gene_leads.csv",
    "Published": "results/genes/published.csv",
    "LocusTerms": "results/genes/locus_terms.csv",
    "Unplaced": "results/genes/unplaced.csv",
}


def tables_page() -> str:
    """Markdown: one section per table."""
    lines = ["# Tables", "", "Every table of `results/`, column by column. Missing is an empty cell (null), never NaN or -9."]
    for name, path in WHERE.items():
        table = next(getattr(room, name) for room in (tables, recordings, loci, genes, comparison) if hasattr(room, name))
        first = (table.__doc__ or "").strip().split("\n\n")[0]
        lines += [
            "",
            f"## {name}",
            "",
            f"{path if chr(96) in path else chr(96) + path + chr(96)}. {' '.join(first.split())}",
            "",
            "| column | type | meaning |",
            "|---|---|---|",
        ]
        for column, about in table.columns.items():
            lines.append(f"| {column} | {about.dtype} | {about.meaning.replace('|', chr(92) + '|')} |")
        if table.open:
            lines += ["", "Further columns may follow."]
    return "\n".join(lines) + "\n"


LIST = "<!-- the list below is written by make_tables.py -->"


def measurements_page(page: str) -> str:
    """The page with its list of measurements made anew."""
    return (
        "\n".join([page.split(LIST)[0] + LIST, "", *_list("12L", OF_ALL_LEADS), "", *_list("I, II, V1-V6 each", OF_A_LEAD)])
        + "\n"
    )


def _list(leads: str, measurements: Mapping[str, Measurement]) -> list[str]:
    rows = [f"| {name} | {about.unit} | {about.meaning} |" for name, about in measurements.items()]
    return [f"## {leads}", "", "| feature | unit | meaning |", "|---|---|---|", *rows]


if __name__ == "__main__":
    here = Path(__file__).parent
    (here / "tables.md").write_text(tables_page())
    (here / "measurements.md").write_text(measurements_page((here / "measurements.md").read_text()))
