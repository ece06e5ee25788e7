"""A simulated cohort: ECG files, genotypes and covariates with planted effects of a few variants.

`simulate(folder)` writes the files. `draw_hearts`, `simulate_signals` and `clean_beats` are its pure parts, for tests and
benchmarks that need the true parameters or the noise-free signal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ecgwas import extras
from ecgwas.errors import InputError, first_few
from ecgwas.leads import LEADS
from ecgwas.progress import Track, silent
from ecgwas.simulate import files, genomes, neighbourhood
from ecgwas.simulate.device import device_measurements
from ecgwas.simulate.genomes import Genomes
from ecgwas.simulate.heart import PARAMETERS, Hearts, Parameter, check_names, draw_hearts, second_visit
from ecgwas.simulate.outcomes import SimulatedOutcomes, draw_outcomes, write_outcomes
from ecgwas.simulate.waves import Recording, SimulatedSignals, clean_beats, record, simulate_signals

__all__ = [
    "CHROMOSOMES", "EFFECTS", "Hearts", "PARAMETERS", "Parameter", "Planted", "PlantedEffect", "Recording",
    "SimulatedCohort", "SimulatedOutcomes", "SimulatedSignals", "clean_beats", "device_measurements", "draw_hearts",
    "draw_outcomes", "record", "second_visit", "simulate", "simulate_signals",
]  # fmt: skip


@dataclass(frozen=True)
class PlantedEffect:
    """One copy of a common allele changes a parameter by `effect` in its unit. The variant is at `place`, 0 to 1, within the
    chromosome's region."""

    parameter: str
    effect: float
    chromosome: str
    place: float = 0.5


EFFECTS = (
    PlantedEffect("qt_ms", 20, "1"),
    PlantedEffect("r_uv", 250, "2"),
    PlantedEffect("pr_ms", 20, "3"),
    PlantedEffect("qrs_ms", 9, "6"),
    PlantedEffect("t_uv", 95, "11"),
)
"""About one SD of each parameter per allele; chromosome 5 has none. They are in the middle of NOS1AP, TTN, SCN5A, CDKN1A
and KCNQ1."""

CHROMOSOMES = ("1", "2", "3", "5", "6", "11")


@dataclass(frozen=True)
class Planted:
    """A planted effect and the variant that carries it; `column` is its index among the variants."""

    variant: str
    chrom: str
    pos: int
    allele: str
    parameter: str
    effect: float
    unit: str
    column: int


@dataclass(frozen=True)
class SimulatedCohort:
    """What was written, and the truth behind it.

    eids      N, in the order of `hearts`, `age` (N,) int64 years, `male` (N,) bool and of the rows of genomes.dosage
    repeated  the eids with a repeat visit (instance 3)
    """

    folder: Path
    eids: tuple[str, ...]
    age: NDArray[np.int64]
    male: NDArray[np.bool_]
    hearts: Hearts
    genomes: Genomes
    planted: tuple[Planted, ...]
    repeated: tuple[str, ...]


def simulate(
    folder: Path,
    *,
    people: int = 400,
    seed: int = 1,
    effects: Sequence[PlantedEffect] | None = None,
    variants_per_chromosome: int = 1500,
    chromosomes: Sequence[str] = CHROMOSOMES,
    layout: Literal["whole", "per_lead"] = "whole",
    repeats: float = 0.1,
    track: Track[Any] = silent,
) -> SimulatedCohort:
    """Writes a cohort to `folder`; the same arguments give the same bytes.

    ecg/                      CardioSoft XML, EID_20205_2_0.xml or EID_LEAD_20205_2_0.xml; a share `repeats` also has 3_0
    genotypes/cohort.*        .bed .bim .fam; people in another order than in the other files; 0.2 % of calls missing
    covariates.tsv            eid age sex (1 male, 2 female) center pc1..pc10
    truth.tsv                 variant chrom pos allele parameter effect unit: the planted effects, per copy of allele
    outcomes/                 tables of section `outcomes`: diseases, first occurrences, measurements, dates of follow-up
    outcomes_truth.tsv        outcome analysis parameter effect unit: on which true parameter an outcome depends, per SD of it
    parameters.tsv            eid, then the true parameters (simulate.PARAMETERS) at the first visit
    genes.tsv network.tsv terms.gmt   invented gene ranges, a network as exported by STRING's website, gene sets

    `effects`: None plants those of EFFECTS whose chromosomes are simulated; an empty list gives a null cohort.
    Raises InputError if `folder` holds recordings of another cohort; ValueError for effects that cannot be planted; ToolError
    if msprime is not installed.
    """
    extras.require("msprime", by="a simulated cohort", where=folder)
    planned = _planned(effects, chromosomes)
    streams = np.random.default_rng(seed).spawn(7)
    eids = tuple(str(1_000_001 + 7 * int(k)) for k in streams[0].permutation(people))
    repeated = tuple(eids[: round(repeats * people)])
    _make_folders(folder, eids, repeated, layout)
    simulated = genomes.simulate_genomes(
        people, streams[1], chromosomes=chromosomes, variants_per_chromosome=variants_per_chromosome
    )
    planted = tuple(_plant(effect, simulated) for effect in planned)
    male = streams[2].random(people) < 0.46
    age = np.rint(np.clip(streams[2].normal(56, 8, people), 40, 75)).astype(np.int64)
    hearts = draw_hearts(people, streams[3], age_sd=(age - 56) / 8, male=male, shifts=_shifts(planted, simulated))
    cohort = SimulatedCohort(folder, eids, age, male, hearts, simulated, planted, repeated)
    _write_tables(cohort, streams[4])
    write_outcomes(folder, eids, draw_outcomes(hearts, age, male, streams[6]))
    for _ in track(_write_recordings(cohort, streams[5], layout), "simulating ECGs", people):
        pass
    return cohort


def _planned(effects: Sequence[PlantedEffect] | None, chromosomes: Sequence[str]) -> list[PlantedEffect]:
    if effects is None:
        return [effect for effect in EFFECTS if effect.chromosome in chromosomes]
    check_names({effect.parameter: effect for effect in effects})
    elsewhere = [effect.chromosome for effect in effects if effect.chromosome not in chromosomes]
    if elsewhere:
        raise ValueError(f"effects on chromosomes that are not simulated: {first_few(elsewhere)}")
    return list(effects)


def _make_folders(folder: Path, eids: Sequence[str], repeated: Sequence[str], layout: str) -> None:
    """Raises InputError if the folder has recordings that this cohort would not overwrite: two cohorts would be mixed."""
    visits = [(eid, 2) for eid in eids] + [(eid, 3) for eid in repeated]
    names = {name for eid, instance in visits for name in files.recording_names(eid, instance, layout)}
    others = sorted({path.name for path in (folder / "ecg").glob("*.xml")} - names)
    if others:
        problem = f"the folder holds recordings of another cohort: {first_few(others)}"
        raise InputError(problem, where=folder / "ecg", fix="choose a new folder, or delete this one")
    (folder / "ecg").mkdir(parents=True, exist_ok=True)
    (folder / "genotypes").mkdir(exist_ok=True)


def _plant(effect: PlantedEffect, cohort_genomes: Genomes) -> Planted:
    """The variant nearest to the effect's place with a minor allele frequency of at least 0.3, else the most common variant."""
    here = np.flatnonzero(np.array(cohort_genomes.chrom) == effect.chromosome)
    if len(here) == 0:
        raise ValueError(f"chromosome {effect.chromosome} has no common variant to plant {effect.parameter} in")
    region = next(region for region in cohort_genomes.regions if region.chrom == effect.chromosome)
    frequency = cohort_genomes.frequencies()[here]
    maf = np.minimum(frequency, 1 - frequency)
    distance = np.abs(cohort_genomes.pos[here] - (region.start + effect.place * region.length))
    order = np.lexsort((distance, -np.minimum(maf, 0.3)))
    best = int(here[order[0]])
    return Planted(
        variant=cohort_genomes.variants[best], chrom=cohort_genomes.chrom[best],
        pos=int(cohort_genomes.pos[best]), allele=cohort_genomes.effect_allele[best],
        parameter=effect.parameter, effect=effect.effect, unit=f"{PARAMETERS[effect.parameter].unit}/allele", column=best,
    )  # fmt: skip


def _shifts(planted: Sequence[Planted], cohort_genomes: Genomes) -> dict[str, NDArray[np.float64]]:
    """(N,) per parameter: effect times number of alleles, centred, so that the cohort's means do not change."""
    shifts: dict[str, NDArray[np.float64]] = {}
    for effect in planted:
        alleles = cohort_genomes.dosage[:, effect.column].astype(np.float64)
        shifts[effect.parameter] = shifts.get(effect.parameter, 0.0) + effect.effect * (alleles - alleles.mean())
    return shifts


def _write_tables(cohort: SimulatedCohort, rng: np.random.Generator) -> None:
    folder, people = cohort.folder, len(cohort.eids)
    order = rng.permutation(people)
    dosage = genomes.with_missing_calls(cohort.genomes.dosage, rng)[order]
    in_fam = [(cohort.eids[i], bool(cohort.male[i])) for i in order]
    files.write_genotypes(folder / "genotypes" / "cohort.bed", cohort.genomes, dosage, in_fam)
    centers = 11_001 + rng.choice(6, size=people, p=[0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
    pcs = genomes.genotype_pcs(people, rng)
    header = ["eid", "age", "sex", "center", *(f"pc{k + 1}" for k in range(pcs.shape[1]))]
    rows = [
        [eid, cohort.age[i], 1 if cohort.male[i] else 2, centers[i], *(f"{value:.5f}" for value in pcs[i])]
        for i, eid in enumerate(cohort.eids)
    ]
    files.write_table(folder / "covariates.tsv", header, rows)
    truth = [(p.variant, p.chrom, p.pos, p.allele, p.parameter, p.effect, p.unit) for p in cohort.planted]
    files.write_table(folder / "truth.tsv", ["variant", "chrom", "pos", "allele", "parameter", "effect", "unit"], truth)
    true = [[eid, *(f"{value:.4f}" for value in cohort.hearts.values[i])] for i, eid in enumerate(cohort.eids)]
    files.write_table(folder / "parameters.tsv", ["eid", *PARAMETERS], true)
    genes = neighbourhood.place_genes(cohort.genomes.regions)
    files.write_genes(folder / "genes.tsv", genes)
    files.write_network(folder / "network.tsv", neighbourhood.network(genes, rng))
    files.write_terms(folder / "terms.gmt", neighbourhood.terms(genes, rng))


def _write_recordings(cohort: SimulatedCohort, rng: np.random.Generator, layout: str) -> Iterator[str]:
    """Yields each eid after its files are written."""
    at_repeat_visit, repeated = second_visit(cohort.hearts, rng), set(cohort.repeated)
    for i, (eid, stream) in enumerate(zip(cohort.eids, rng.spawn(len(cohort.eids)), strict=True)):
        _write_visit(cohort, cohort.hearts, i, 2, stream, layout)
        if eid in repeated:
            _write_visit(cohort, at_repeat_visit, i, 3, stream, layout)
        yield eid


def _write_visit(cohort: SimulatedCohort, hearts: Hearts, i: int, instance: int, rng: np.random.Generator, layout: str) -> None:
    recording = record(hearts, i, rng)
    # Random numbers of its own: the signals do not depend on the device.
    device = device_measurements(hearts, i, recording.r_samples, rng.spawn(1)[0])
    for name, leads in files.recording_names(cohort.eids[i], instance, layout).items():
        rows = recording.counts[[LEADS.index(lead) for lead in leads]]
        age = int(cohort.age[i]) + 3 * (instance - 2)
        content = files.cardiosoft(rows, leads, device, age=age, male=bool(cohort.male[i]))
        (cohort.folder / "ecg" / name).write_bytes(content)
