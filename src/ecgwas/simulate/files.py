"""The files of a simulated cohort: CardioSoft XML as in UK Biobank's field 20205, PLINK genotypes, tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bed_reader import to_bed
from numpy.typing import NDArray

from ecgwas.leads import LEADS
from ecgwas.simulate.genomes import Genomes
from ecgwas.simulate.neighbourhood import Edge, Gene, Term
from ecgwas.simulate.waves import RATE_HZ, UV_PER_COUNT

VALUES_PER_LINE = 330

DEVICE_ELEMENTS = (
    ("VentricularRate", "BPM", "heart_rate_bpm"), ("PQInterval", "ms", "pr_ms"), ("PDuration", "ms", "p_ms"),
    ("QRSDuration", "ms", "qrs_ms"), ("QTInterval", "ms", "qt_ms"), ("QTCInterval", "ms", "qtc_bazett_ms"),
    ("RRInterval", "ms", "rr_ms"), ("PPInterval", "ms", "rr_ms"), ("PAxis", "degrees", "p_axis_deg"),
    ("RAxis", "degrees", "qrs_axis_deg"), ("TAxis", "degrees", "t_axis_deg"), ("POnset", "ms", "p_on_ms"),
    ("POffset", "ms", "p_off_ms"), ("QOnset", "ms", "qrs_on_ms"), ("QOffset", "ms", "qrs_off_ms"),
    ("TOffset", "ms", "t_off_ms"),
)  # fmt: skip
"""Elements of RestingECGMeasurements: name, unit, and the measurement's name in `device_measurements`."""

STRING_COLUMNS = (
    "#node1", "node2", "node1_string_id", "node2_string_id", "neighborhood_on_chromosome", "gene_fusion",
    "phylogenetic_cooccurrence", "homology", "coexpression", "experimentally_determined_interaction",
    "database_annotated", "automated_textmining", "combined_score",
)  # fmt: skip


def recording_names(eid: str, instance: int, layout: str) -> dict[str, tuple[str, ...]]:
    """File names of one recording -> the leads in each file."""
    if layout == "whole":
        return {f"{eid}_20205_{instance}_0.xml": LEADS}
    return {f"{eid}_{lead}_20205_{instance}_0.xml": (lead,) for lead in LEADS}


def cardiosoft(counts: NDArray[np.int32], leads: Sequence[str], device: Mapping[str, float], *, age: int, male: bool) -> bytes:
    """A CardioSoft XML file: counts (leads, S) of 5 µV, and the device's measurements by the names of DEVICE_ELEMENTS.

    The layout follows the only public file of field 20205 (V6.73): Windows line ends, values with line breaks.
    """
    strip = "".join(_waveform(lead, row) for lead, row in zip(leads, counts, strict=True))
    text = (
        '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<CardiologyXML>\n'
        "\t<ObservationType>RestECG</ObservationType>\n"
        "\t<ClinicalInfo>\n\t\t<DeviceInfo>\n\t\t\t<Desc>CardioSoft</Desc>\n"
        "\t\t\t<SoftwareVer>simulated by ecgwas</SoftwareVer>\n\t\t</DeviceInfo>\n\t</ClinicalInfo>\n"
        f'\t<PatientInfo>\n\t\t<Age units="YEARS">{age}</Age>\n\t\t<Gender>{"MALE" if male else "FEMALE"}</Gender>\n'
        f"\t</PatientInfo>\n{_measurements(device)}"
        f"\t<StripData>\n\t\t<NumberOfLeads>{len(leads)}</NumberOfLeads>\n"
        f'\t\t<SampleRate units="Hz">{RATE_HZ:.0f}</SampleRate>\n'
        f"\t\t<ChannelSampleCountTotal>{counts.shape[1]}</ChannelSampleCountTotal>\n"
        f'\t\t<Resolution units="uVperLsb">{UV_PER_COUNT:.0f}</Resolution>\n{strip}\t</StripData>\n</CardiologyXML>\n'
    )
    return text.replace("\n", "\r\n").encode("latin-1")


def write_genotypes(path: Path, genomes: Genomes, dosage: NDArray[np.int8], people: Sequence[tuple[str, bool]]) -> None:
    """PLINK files, `path` and its companions: dosage (N, V) int8 counts of allele 1, missing -127; people are (eid, male)."""
    eids = [eid for eid, _ in people]
    to_bed(
        path,
        dosage,
        properties={
            "fid": eids, "iid": eids, "sex": [1 if male else 2 for _, male in people],
            "sid": list(genomes.variants), "chromosome": list(genomes.chrom), "bp_position": genomes.pos.astype(np.int32),
            "allele_1": list(genomes.effect_allele), "allele_2": list(genomes.other_allele),
        },
    )  # fmt: skip


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Tab-separated text."""
    lines = ["\t".join(str(cell) for cell in row) for row in (header, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_genes(path: Path, genes: Sequence[Gene]) -> None:
    """PLINK's gene list: chromosome, start, end and symbol, separated by blanks, without a header."""
    lines = [f"{gene.chrom} {gene.start} {gene.end} {gene.symbol}" for gene in genes]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_network(path: Path, edges: Sequence[Edge]) -> None:
    """An export of STRING's website; protein ids are invented, and the score is also that of text mining."""
    symbols = sorted({symbol for edge in edges for symbol in (edge.gene_a, edge.gene_b)})
    ids = {symbol: f"9606.ENSP{99_000_000_000 + k:011d}" for k, symbol in enumerate(symbols, start=1)}
    rows = [
        (edge.gene_a, edge.gene_b, ids[edge.gene_a], ids[edge.gene_b], 0, 0, 0, 0, 0, 0, 0, edge.score, edge.score)
        for edge in edges
    ]
    write_table(path, STRING_COLUMNS, rows)


def write_terms(path: Path, terms: Sequence[Term]) -> None:
    """GMT: name, description, genes."""
    lines = ["\t".join([term.name, term.description, *term.genes]) for term in terms]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _waveform(lead: str, row: NDArray[np.int32]) -> str:
    values = [str(value) for value in row.tolist()]
    lines = [",".join(values[k : k + VALUES_PER_LINE]) for k in range(0, len(values), VALUES_PER_LINE)]
    return f'\t\t<WaveformData lead="{lead}">\t\t' + ",\n\t\t".join(lines) + "</WaveformData>\n"


def _measurements(device: Mapping[str, float]) -> str:
    lines = [f'\t\t<{element} units="{unit}">{device[name]:.0f}</{element}>\n' for element, unit, name in DEVICE_ELEMENTS]
    return "\t<RestingECGMeasurements>\n" + "".join(lines) + "\t</RestingECGMeasurements>\n"
