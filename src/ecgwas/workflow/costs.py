"""What each stage costs: processor seconds, memory and disk as formulas of a study's size.

The constants are medians of what parts took, by their notes: `python benchmarks/scale.py --calibrate` prints them anew.
Seconds are of one core; another processor is faster or slower as a whole, which moves all of them alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecgwas.associate.engine import permute
from ecgwas.associate.hits import heritability
from ecgwas.associate.people import panel as panels
from ecgwas.represent import components, measurements
from ecgwas.signals import LEADS
from ecgwas.study import BeatPoints, Intervals, Matrix, Pca, RepresentationOptions, ResidualAutoencoder, Study, Vae

CONSTANTS: Mapping[str, float] = {
    "start": 2.2,
    "start_torch": 1.7,
    "read_recording": 0.0155,
    "intervals_person": 0.048,
    "pca_person": 2.5e-4,
    "align_person": 0.010,
    "pca_product": 1.0e-10,
    "network_operation": 6.5e-11,
    "network_trace": 2.0e-4,
    "scan_variant": 1.0e-5,
    "scan_test_person": 3.0e-11,
    "dosage": 1.0e-7,
    "dosage_test_person": 1.0e-10,
    "shuffle_value": 1.5e-8,
    "shuffle_test_person": 2.0e-11,
    "kinship_product": 2.7e-11,
    "panel_call": 1.0e-8,
    "trait": 0.002,
    "trait_value": 2.0e-6,
    "loci_value": 5.0e-5,
    "genes": 0.4,
    "report": 5.5,
    "report_row": 4.0e-6,
}
"""Processor seconds: of starting ecgwas, of one recording, of one person measured, of one multiplication, and so on."""

BASE_MIB = 240.0
"""A process of ecgwas with its libraries; torch takes TORCH_MIB more."""
TORCH_MIB = 300.0
MAPPED_MIB = 80.0
"""Pages of signals that are held while they are passed over."""
MIB = 2.0**20
ROW_BYTES = 45.0
"""Of a kept test on disk."""
HISTOGRAM_BYTES = 4000 * 8
"""Of a trait in one part of the scan: 4,000 bins."""


@dataclass(frozen=True)
class Need:
    """Processor seconds, memory and disk (results that stay) of one part; cores it can use."""

    cpu_seconds: float
    memory_mib: float
    disk_mib: float
    cores: int = 1

    @property
    def seconds(self) -> float:
        """By the clock, on cores that are idle."""
        start = min(CONSTANTS["start"], self.cpu_seconds)
        return start + (self.cpu_seconds - start) / self.cores


@dataclass(frozen=True)
class Size:
    """How large a study is.

    recordings  people with a recording;  tested  those of them who have genotypes
    variants    chromosome -> variants;  dosages True if they are not hard calls
    repeats     second visits of the same people, to compare with
    """

    recordings: int
    tested: int
    variants: Mapping[str, int]
    dosages: bool = False
    repeats: int = 0

    @property
    def all_variants(self) -> int:
        """Of all chromosomes."""
        return sum(self.variants.values())


def person_bytes(study: Study) -> float:
    """A person's cleaned recording and three median beats, float32."""
    options = study.read
    strip = options.seconds * options.rate_hz
    return 4 * len(LEADS) * (strip + 3 * beat_samples(study))


def beat_samples(study: Study) -> float:
    """Samples of a median beat."""
    return (study.read.beats.before_ms + study.read.beats.after_ms) / 1000 * study.read.rate_hz


def traits_of(options: RepresentationOptions) -> int:
    """Traits that a representation gives at most."""
    if isinstance(options, Intervals):
        return len(LEADS) * len(measurements.OF_A_LEAD) + len(measurements.OF_ALL_LEADS)
    if isinstance(options, BeatPoints):
        return len(LEADS) * options.points
    return options.features * (len(LEADS) if options.leads == "each" else 1)


def read(study: Study, people: int, repeats: float = 0.0) -> Need:
    """One part of so many people, and of second visits, which are read once the first are written."""
    held, stored = (number * person_bytes(study) / MIB for number in (people, people + repeats))
    # While a part is moved into place its files are in the cache, not in memory.
    cpu = CONSTANTS["start"] + (people + repeats) * CONSTANTS["read_recording"]
    return Need(cpu, BASE_MIB + 1.05 * held, stored)


def read_join(size: Size) -> Need:
    """The list of recordings."""
    return Need(CONSTANTS["start"], BASE_MIB + size.recordings * 1000 / MIB, size.recordings * 60 / MIB)


def represent(study: Study, options: RepresentationOptions, size: Size) -> Need:
    """One representation, fitted and applied to whole, odd and even beats."""
    people, start = size.recordings, CONSTANTS["start"]
    # Features of whole, odd and even beats: held as float64, written as float32 or packed.
    values = people * traits_of(options)
    stored, held = 3 * values * 4.5 / MIB, 6 * values * 8 / MIB + MAPPED_MIB
    if isinstance(options, Intervals):
        return Need(start + people * CONSTANTS["intervals_person"], BASE_MIB + held, stored)
    if isinstance(options, BeatPoints):
        return Need(start + people * CONSTANTS["pca_person"], BASE_MIB + held, stored)
    samples = _samples(study, options.input)
    aligned = people * CONSTANTS["align_person"] if options.align == "waves" else 0.0
    if isinstance(options, Pca):
        return _components(options, samples, people, aligned, Need(start, held, stored))
    weights = parameters(options, samples) * 4 / MIB
    cpu = start + CONSTANTS["start_torch"] + aligned + _training(options, samples, people)
    return Need(cpu, BASE_MIB + TORCH_MIB + 12 * weights + held, stored + 2 * weights)


def _components(options: Pca, samples: float, people: int, aligned: float, features: Need) -> Need:
    """Exact from the smaller of the two matrices of products, beyond LARGEST_GRAM by iteration; features: what they take."""
    traces, columns = (12 * people, samples) if options.leads == "each" else (people, 8 * samples)
    side = min(traces, columns, components.LARGEST_GRAM)
    products = traces * columns * side + 20 * side**3
    encoded = 3 * traces * CONSTANTS["pca_person"]
    whole = traces * columns * 4 if traces <= columns else 2**26 * 4
    memory = BASE_MIB + features.memory_mib + (min(whole, 2.0**31) + 4 * side**2 * 8) / MIB
    disk = features.disk_mib + (options.features + 2) * columns * 4 / MIB
    return Need(features.cpu_seconds + aligned + encoded + products * CONSTANTS["pca_product"], memory, disk)


def _samples(study: Study, source: str) -> float:
    return beat_samples(study) if source == "beat" else study.read.seconds * study.read.rate_hz


def _training(options: ResidualAutoencoder | Vae, samples: float, people: int) -> float:
    """Processor seconds of training for all epochs; stopping early makes it less."""
    traces = people * (len(LEADS) if options.leads == "each" else 1)
    passes = 3 * options.epochs + 3  # Forwards and backwards in training; forwards for whole, odd and even beats.
    each = operations(options, samples) * CONSTANTS["network_operation"] + CONSTANTS["network_trace"]
    return traces * passes * each


def operations(options: ResidualAutoencoder | Vae, samples: float) -> float:
    """Multiplications of one trace on its way forwards."""
    total, inside, length = 0.0, (8 if options.leads == "together" else 1), samples
    kernel = max(options.kernels) if isinstance(options, ResidualAutoencoder) else 7
    for width in options.channels:
        length /= 2
        total += 2 * (inside * width + width * width) * kernel * length
        inside = width
    return total + 2 * inside * length * options.features


def parameters(options: ResidualAutoencoder | Vae, samples: float) -> float:
    """Weights of the network."""
    length = samples * 0.5 ** len(options.channels)
    kernels = 4.0 * 7 * sum(width * width for width in options.channels)
    return kernels + 2.0 * options.channels[-1] * length * options.features


def traits(study: Study, size: Size, count: int) -> Need:
    """Joining, transforming, and the guards over people: panel of variants, kinship of all pairs, components."""
    looked = min(size.all_variants, panels.LOOKED_AT)
    kept = min(looked, panels.KEPT)
    pairs = study.traits.guards.max_kinship is not None
    kinship = 5 * size.tested**2 * kept * CONSTANTS["kinship_product"] if pairs else 0.0
    panel = looked * size.tested * CONSTANTS["panel_call"]
    cpu = CONSTANTS["start"] + panel + kinship + count * (CONSTANTS["trait"] + size.tested * CONSTANTS["trait_value"])
    held = 6.0 * size.tested * count * 8 + kept * size.tested * 5
    held += min(2.0**28, 16.0 * kept * size.tested) + 512 * size.tested * 40 if pairs else 0.0
    return Need(cpu, BASE_MIB + held / MIB, size.tested * count * 8 / MIB)


def scan(study: Study, size: Size, count: int, variants: int) -> Need:
    """One chromosome against all traits; with missing calls, which cost two to three times what none would."""
    options = study.scan
    tests = variants * count
    each = CONSTANTS["dosage_test_person" if size.dosages else "scan_test_person"]
    cpu = CONSTANTS["start"] + variants * CONSTANTS["scan_variant"] + tests * size.tested * each
    cpu += variants * size.tested * CONSTANTS["dosage"] if size.dosages else 0.0
    cores = 2 if options.threads == 0 else options.threads
    kept = tests * 10.0**-options.keep_neglog10p
    shuffles = options.permutations if isinstance(options, Matrix) else 0
    shuffled = 4.0 * size.tested * count * shuffles
    block_variants = options.block if isinstance(options, Matrix) else 4096
    block_variants = min(block_variants, max(1, variants // 2)) if shuffles else block_variants
    # Shuffled traits that do not fit are made anew for each block of variants.
    made: float = 1 if shuffled <= permute.KEPT_BYTES else max(1, variants / block_variants)
    cpu += made * size.tested * count * shuffles * CONSTANTS["shuffle_value"]
    cpu += tests * size.tested * shuffles * CONSTANTS["shuffle_test_person"]
    block = min(block_variants, variants) * size.tested * (6.0 if shuffles else 1.0)
    held = 4 * size.tested * count * 8 + cores * (block + count * HISTOGRAM_BYTES) + variants * 250 + kept * 300
    held += shuffled if shuffled <= permute.KEPT_BYTES else 3.0 * 4 * permute.COLUMNS * size.tested
    held += 2.0**28 * cores if size.dosages else 0.0
    dense = tests * 8 if isinstance(options, Matrix) and options.dense else 0
    disk = kept * ROW_BYTES + variants * 12 + count * HISTOGRAM_BYTES + dense
    return Need(cpu, BASE_MIB + held / MIB, disk / MIB, cores=cores)


def loci(study: Study, size: Size, count: int) -> Need:
    """Thresholds, hits, linkage, heritability."""
    kept = size.all_variants * count * 10.0**-study.scan.keep_neglog10p
    looked = min(size.all_variants, panels.LOOKED_AT)
    thinned = min(size.tested, heritability.MOST_PEOPLE)
    cpu = CONSTANTS["start"] + size.tested * count * CONSTANTS["loci_value"] + looked * size.tested * CONSTANTS["panel_call"]
    cpu += thinned**2 * min(looked, panels.KEPT) * 1e-10 + 20 * thinned**3 * 1e-10
    held = kept * 40 + 6 * size.tested * count * 8 + 2 * len(size.variants) * count * HISTOGRAM_BYTES
    held += min(looked, panels.KEPT) * size.tested + 6 * thinned**2 * 8 + size.all_variants * 250
    return Need(cpu, BASE_MIB + 30 + held / MIB, count * 10_000 / MIB)


def genes() -> Need:
    """By files; services of the internet answer when they answer."""
    return Need(CONSTANTS["start"] + CONSTANTS["genes"], BASE_MIB + 30, 0.05)


def report(study: Study, size: Size, count: int) -> Need:
    """The page: of the scan's rows one copy, of people their traits."""
    kept = size.all_variants * count * 10.0**-study.scan.keep_neglog10p
    learned = any(isinstance(options, (ResidualAutoencoder, Vae)) for options in study.represent)
    held = kept * 500 + 2 * size.tested * count * 8 + 2 * len(size.variants) * count * HISTOGRAM_BYTES
    cpu = CONSTANTS["start"] + CONSTANTS["report"] + kept * CONSTANTS["report_row"]
    cpu += CONSTANTS["start_torch"] if learned else 0.0
    return Need(cpu, BASE_MIB + 50 + (TORCH_MIB if learned else 0.0) + held / MIB, 15.0)
