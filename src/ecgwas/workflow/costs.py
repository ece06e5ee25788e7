"""What each stage costs: processor seconds, memory and disk as formulas of a study's size.

The constants are medians of what parts took, by their notes: `python -m benchmarks.speed.scale --calibrate` prints them anew.
Seconds are of one core; another processor is faster or slower as a whole, which moves all of them alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecgwas.genotypes import dosages
from ecgwas.genotypes import pruned_panel as panels
from ecgwas.leads import LEADS
from ecgwas.loci import credible_sets, heritability, individual_data, inflation_by_maf
from ecgwas.report.page import embedded
from ecgwas.represent import traits_of, work, work_of
from ecgwas.scan import matrix
from ecgwas.scan.permutation import max_t
from ecgwas.study import Matrix, RepresentationOptions, Study
from ecgwas.traits import ancestry, kinship, sample_qc
from ecgwas.traits import genotype_pcs as axes

CONSTANTS: Mapping[str, float] = {
    "start": 2.2,
    "start_torch": 1.7,
    "read_recording": 0.024,
    "intervals_person": 0.039,
    "pca_person": 2.5e-4,
    "align_person": 0.0015,
    "pca_product": 1.0e-10,
    "network_operation": 6.5e-11,
    "network_trace": 2.0e-4,
    "scan_variant": 1.0e-5,
    "call": 0.0,
    "scan_test_person": 3.0e-11,
    "dosage": 1.0e-7,
    "dosage_test_person": 1.0e-10,
    "shuffle_value": 1.5e-8,
    "shuffle_test_person": 3.0e-11,
    "kinship_product": 2.7e-11,
    "panel_call": 1.0e-8,
    "component_call": 3.0e-8,
    "trait": 0.002,
    "trait_value": 2.0e-6,
    "loci_trait": 0.008,
    "audited": 1.5e-3,
    "audited_person": 2.0e-6,
    "region_call": 2.0e-7,
    "region_product": 3.0e-11,
    "eigen_product": 6.0e-10,
    "genes": 0.4,
    "report": 5.5,
    "report_row": 4.0e-6,
    "matched_pair": 4.4e-6,
    "membership_call": 1.1e-7,
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
VALUE_BYTES = 64.0
"""Of a person's trait where tests are made: as read, in the order of the genotypes, and residuals as float64 and float32."""
VARIANT_BYTES = 110.0
"""Id, alleles and place of a variant whose chromosome is open; LISTED_BYTES while the list of them is read."""
LISTED_BYTES = 540.0
COPY_BYTES, DECODED_BYTES = 4.0, 24.0
"""Of a person's genotype in the neighbourhood of a locus, and of one that is being read."""
STRIPS, MATRICES = 7.0, 4.0
"""Pieces of such a neighbourhood in float64, and matrices of its variants with each other, that are held at once."""
POINT_BYTES = 700.0
"""Of a kept row that the page draws as a point of its own; the weakest of many become pixels."""
PASSED_BYTES, LEFT_BYTES = 300.0, 10.0
"""Of a kept row while it is looked at, with others of its chromosome; of one that is done with, in memory that lies idle."""
GENOME_BP = 2.9e9
SPLITS = 3
"""Times that groups of ancestry are tried to be split: once, and twice more where they are."""
COMMON = 0.5
"""Share of variants that are common enough to judge people by, and of these that are independent: as on an array."""


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
    genotyped   people in the files of genotypes, with a recording or not; None: those tested
    """

    recordings: int
    tested: int
    variants: Mapping[str, int]
    dosages: bool = False
    repeats: int = 0
    genotyped: int | None = None

    @property
    def all_variants(self) -> int:
        """Of all chromosomes."""
        return sum(self.variants.values())

    @property
    def largest(self) -> int:
        """Variants of the largest chromosome."""
        return max(self.variants.values(), default=0)

    @property
    def in_files(self) -> int:
        """People whose genotypes are read, tested or not."""
        return self.genotyped or self.tested

    @property
    def listed_bytes(self) -> float:
        """All chromosomes open, one of them just being read."""
        return self.all_variants * VARIANT_BYTES + self.largest * (LISTED_BYTES - VARIANT_BYTES)


def person_bytes(study: Study) -> float:
    """A person's cleaned recording and three median beats, float32."""
    options = study.read
    strip = options.seconds * options.rate_hz
    return 4 * len(LEADS) * (strip + 3 * beat_samples(study))


def beat_samples(study: Study) -> float:
    """Samples of a median beat."""
    return (study.read.beats.before_ms + study.read.beats.after_ms) / 1000 * study.read.rate_hz


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
    """One representation, fitted and applied to whole, odd and even beats, and to second visits."""
    people, start = size.recordings, CONSTANTS["start"]
    # Features of whole, odd and even beats: held as float64, written as float32 or packed.
    encoded = people + size.repeats / 3
    values = encoded * traits_of(options)
    stored, held = 3 * values * 4.5 / MIB, 6 * values * 8 / MIB + MAPPED_MIB
    stored *= 1 + options.retrainings / 3  # Of other seeds the features of whole beats alone are kept.
    given = work.Given(people, encoded, beat_samples(study), study.read.seconds * study.read.rate_hz)
    needed = work_of(options, given)
    cpu = start + sum(count * CONSTANTS[unit] for unit, count in needed.units.items())
    cpu += CONSTANTS["start_torch"] if options.uses_torch else 0.0
    memory = BASE_MIB + (TORCH_MIB if options.uses_torch else 0.0) + held + needed.memory_bytes / MIB
    return Need(cpu, memory, stored + needed.disk_bytes / MIB)


def traits(study: Study, size: Size, count: int) -> Need:
    """Joining, transforming, and the guards over people: panel of variants, kinship of all pairs, components."""
    people, options = size.tested, study.traits
    looked = min(size.all_variants, panels.LOOKED_AT)
    kept = min(COMMON**2 * looked, panels.KEPT)
    judged = options.components > 0 or options.guards.max_component_sd is not None
    pairs = options.guards.max_kinship is not None or (judged and people <= sample_qc.MOST_COMPARED)
    cpu = CONSTANTS["start"] + looked * people * CONSTANTS["panel_call"]
    cpu += 5 * people**2 * kept * CONSTANTS["kinship_product"] if pairs else 0.0
    # Once for components, and for groups of ancestry some variants for every split that is tried.
    seen = kept + SPLITS * min(kept, ancestry.MOST_VARIANTS)
    cpu += (1 + axes.ROUNDS) * seen * people * CONSTANTS["component_call"] if judged else 0.0
    cpu += count * (CONSTANTS["trait"] + people * CONSTANTS["trait_value"])
    held = 6.0 * people * count * 8 + size.listed_bytes + panel_bytes(size)
    held += max(_pairs_bytes(kept, people) if pairs else 0.0, _components_bytes(kept, people) if judged else 0.0)
    return Need(cpu, BASE_MIB + held / MIB, people * count * 8 / MIB)


def panel_bytes(size: Size) -> float:
    """The variants that people are judged by: packed until few are left, then unpacked, for all and for those who remain."""
    people, looked = size.tested, min(size.all_variants, panels.LOOKED_AT)
    largest = looked * size.largest / max(size.all_variants, 1)
    read = 3.0 * min(panels.STEP, largest) * people + COMMON * largest * (people / 2 + 30 * panels.PEOPLE_FOR_LINKAGE)
    kept = COMMON**2 * looked
    return kept * people / 4 + max(read, 3.0 * min(kept, panels.KEPT) * people)


def _pairs_bytes(kept: float, people: int) -> float:
    """Some variants of everybody as float32 in four ways; counts and kinships of some people with all."""
    return min(kinship.BYTES, 16.0 * kept * people) + 40.0 * min(kinship.ROWS, people) * people


def _components_bytes(kept: float, people: int) -> float:
    """Some genotypes standardised, and the vectors of every round twice."""
    return 24.0 * min(axes.TOGETHER, kept * people) + 16.0 * people * (1 + axes.ROUNDS) * (axes.OVERSAMPLED + 10)


def scan(study: Study, size: Size, count: int, variants: int) -> Need:
    """One chromosome against all traits; with missing calls, which cost two to three times what none would."""
    options = study.scan
    tests = variants * count
    each = CONSTANTS["dosage_test_person" if size.dosages else "scan_test_person"]
    cpu = CONSTANTS["start"] + variants * CONSTANTS["scan_variant"] + tests * size.tested * each
    cpu += variants * size.tested * CONSTANTS["dosage" if size.dosages else "call"]
    cores = options.threads or matrix.BLOCKS_IN_MEMORY
    workers = options.threads or max(cores, matrix.threads(0))
    kept = tests * 10.0**-options.keep_neglog10p
    dense = tests * 8 if isinstance(options, Matrix) and options.dense else 0
    held = VALUE_BYTES * size.tested * count + 2 * count * HISTOGRAM_BYTES + variants * LISTED_BYTES + kept * 300
    block = 4096
    if isinstance(options, Matrix):
        hard = not size.dosages
        block = matrix.block_size(options, people=size.in_files, variants=variants, hard=hard, workers=workers)
        held += shuffled_bytes(options, size.tested, count)
        cpu += _shuffling(options, size.tested, count, variants, block)
    held += workers * _block_bytes(study, size, count, min(block, variants))
    disk = kept * ROW_BYTES + variants * 12 + count * HISTOGRAM_BYTES + dense
    return Need(cpu, BASE_MIB + held / MIB, disk / MIB, cores=cores)


def _block_bytes(study: Study, size: Size, count: int, variants: int) -> float:
    """A thread's block of variants: calls of the file, of the people, of those variants that are tested; all its tests."""
    read = min(2.0 * dosages.BYTES, 2.0 * dosages.BYTES_EACH * variants * size.in_files)
    calls = read if size.dosages else variants * (size.in_files + 2 * size.tested) / 4
    found = calls + variants * count * 8 + count * HISTOGRAM_BYTES / 2
    if study.scan.permutation_count:
        # Genotypes as float32, without covariates, of unit length; some correlations with some shuffled traits, twice.
        found += 12.0 * variants * size.tested + 8.0 * min(variants, max_t.ROWS) * max_t.COLUMNS
    return found


def _kept_shuffles_bytes(options: Matrix, people: int, count: int) -> float:
    """Shuffled traits, and as many components of trait sets."""
    return 4.0 * people * count * options.permutations * (2 if options.sets_of_traits else 1)


def shuffled_bytes(options: Matrix, people: int, count: int) -> float:
    """Whose traits each person gets in each shuffle; all shuffled traits if they are kept, else some."""
    if options.permutations == 0:
        return 0.0
    all_of_them = _kept_shuffles_bytes(options, people, count)
    some = 6.0 * 4 * max_t.COLUMNS * people
    return 8.0 * people * options.permutations + (all_of_them if all_of_them <= max_t.KEPT_BYTES else some)


def _shuffling(options: Matrix, people: int, count: int, variants: int, block: int) -> float:
    """Processor seconds; shuffled traits that are not kept are made anew for each block of variants."""
    values = float(people) * count * options.permutations
    made = 1.0 if _kept_shuffles_bytes(options, people, count) <= max_t.KEPT_BYTES else max(1.0, variants / block)
    with_sets = 2 if options.sets_of_traits else 1
    return made * values * CONSTANTS["shuffle_value"] + variants * values * with_sets * CONSTANTS["shuffle_test_person"]


def loci(study: Study, size: Size, count: int) -> Need:
    """Thresholds, hits, linkage, heritability."""
    kept = size.all_variants * count * 10.0**-study.scan.keep_neglog10p
    looked = min(size.all_variants, panels.LOOKED_AT)
    thinned = min(size.tested, heritability.MOST_PEOPLE)
    cpu = CONSTANTS["start"] + looked * size.tested * CONSTANTS["panel_call"]
    cpu += thinned**2 * min(COMMON**2 * looked, panels.KEPT) * 1e-10 + thinned**3 * CONSTANTS["eigen_product"]
    # Of each trait its likelihoods on the eigenvalues and its QQ plot; its tests again, by frequency.
    cpu += count * (CONSTANTS["loci_trait"] + 2 * thinned**2 * 1e-10)
    cpu += 3 * min(size.all_variants, inflation_by_maf.LOOKED_AT) * size.tested * count * CONSTANTS["scan_test_person"]
    # How much is found is not known: as many hits as are looked at again, and as many loci as have a page.
    cpu += study.loci.audit * (CONSTANTS["audited"] + size.tested * CONSTANTS["audited_person"])
    cpu += study.report.max_loci * _region_seconds(region_variants(study, size), size.tested)
    held = kept * 40 + VALUE_BYTES * size.tested * count + 2 * len(size.variants) * count * HISTOGRAM_BYTES
    held += size.listed_bytes + max(panel_bytes(size) + 6 * thinned**2 * 8, region_bytes(study, size))
    return Need(cpu, BASE_MIB + 30 + held / MIB, count * 10_000 / MIB)


def region_variants(study: Study, size: Size) -> float:
    """Around a locus: in its own width, taken to be window_bp, and in as much on either side."""
    return min(size.largest, 3.0 * study.loci.window_bp * size.all_variants / GENOME_BP)


def region_bytes(study: Study, size: Size) -> float:
    """Everybody's genotypes around a locus, and what conditional analysis and credible sets make of them."""
    variants = region_variants(study, size)
    pieces = (
        STRIPS * min(individual_data.STRIP_BYTES, 8 * variants * size.tested)
        + MATRICES * 8 * min(variants, credible_sets.MOST) ** 2
    )
    return COPY_BYTES * variants * size.tested + DECODED_BYTES * individual_data.STEP * size.tested + pieces


def _region_seconds(variants: float, people: int) -> float:
    """Conditional analysis, and the correlations of a credible set."""
    each = CONSTANTS["region_call"] + min(variants, credible_sets.MOST) * CONSTANTS["region_product"]
    return variants * people * each


def genes() -> Need:
    """By files; services of the internet answer when they answer."""
    return Need(CONSTANTS["start"] + CONSTANTS["genes"], BASE_MIB + 30, 0.05)


def report(study: Study, size: Size, count: int) -> Need:
    """The page: of the scan's rows those that it draws, of people their traits."""
    kept = size.all_variants * count * 10.0**-study.scan.keep_neglog10p
    learned = any(options.uses_torch for options in study.represent)
    held = min(kept, embedded.MOST_POINTS) * POINT_BYTES + kept * LEFT_BYTES
    held += 2 * size.tested * count * 8 + 2 * len(size.variants) * count * HISTOGRAM_BYTES
    cpu = CONSTANTS["start"] + CONSTANTS["report"] + kept * CONSTANTS["report_row"]
    cpu += CONSTANTS["start_torch"] if learned else 0.0
    return Need(cpu, BASE_MIB + 50 + (TORCH_MIB if learned else 0.0) + held / MIB, 15.0)
