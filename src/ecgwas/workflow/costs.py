"""What each stage costs: processor seconds, memory and disk as formulas of a study's size.

The constants are medians over parts of finished studies, from their notes: `python -m benchmarks.speed.scale --calibrate`
measures them again. Seconds are of one core; a faster or slower processor changes all of them by the same factor. Kinds of
representations and scan engines give their own costs, in units of these constants (represent/work.py, scan/work.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecgwas.genotypes import packed_calls, pruned_panel
from ecgwas.leads import LEADS
from ecgwas.loci import credible_sets, heritability, individual_data, inflation_by_maf, models, neighbourhoods
from ecgwas.native import compiled
from ecgwas.report.page import embedded
from ecgwas.represent import traits_of, work_of
from ecgwas.represent.work import CohortSize
from ecgwas.scan import matrix
from ecgwas.scan import work_of as scan_work_of
from ecgwas.scan.work import HISTOGRAM_BYTES, PartSize, Work
from ecgwas.signals import FIDUCIAL_POINTS, MEDIAN_BEATS
from ecgwas.stages.read import options_of
from ecgwas.study import RepresentationOptions, Study
from ecgwas.traits import ancestry, genotype_pcs, kinship, sample_qc

CONSTANTS: Mapping[str, float] = {
    "start": 2.2,
    "start_torch": 1.7,
    "read_recording": 0.028,
    "fiducials_recording": 0.012,
    "intervals_person": 0.032,
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
    "plink2_trait": 0.008,
    "plink2_test": 2.0e-6,
    "plink2_test_person": 7.0e-10,
    "mixed_product": 2.5e-11,
    "exact_test_person": 1.0e-7,
    "exact_family_person": 4.0e-8,
    "family_call": 4.0e-9,
    "kinship_product": 2.7e-11,
    "kinship_call": 9.0e-12,
    "panel_call": 1.0e-8,
    "component_call": 1.5e-8,
    "trait": 0.002,
    "trait_value": 2.0e-6,
    "loci_trait": 0.005,
    "audited": 1.5e-3,
    "audited_person": 2.0e-6,
    "region_call": 2.0e-7,
    "region_product": 3.0e-11,
    "neighbourhood_call": 5.5e-8,
    "eigen_product": 6.0e-10,
    "genes": 0.25,
    "outcome_test_person": 3.0e-8,
    "outcome_person": 1.5e-6,
    "outcome_estimate": 0.06,
    "ridge_step": 2.0e-4,
    "ridge_product": 6.0e-11,
    "outcome_permutation": 3.0e-4,
    "outcome_permutation_person": 9.0e-10,
    "report": 0.7,
    "report_recordings": 1.8,
    "report_row": 4.0e-6,
    "score_line": 6.0e-6,
    "score_variant": 1.0e-6,
    "score_dosage": 1.5e-8,
    "score_permutation": 2.0e-9,
    "own_score_product": 1.0e-10,
    "own_score_clump": 4.0e-7,
    "matched_pair": 4.4e-6,
    "membership_call": 1.1e-7,
}
"""Processor seconds per unit: starting ecgwas, reading one recording, finding its fiducial points, measuring one person, one
multiplication, and so on."""

BASE_MIB = 240.0
"""Memory of a process of ecgwas with its libraries; PyTorch adds TORCH_MIB."""
TORCH_MIB = 300.0
MAPPED_MIB = 80.0
"""Pages of memory-mapped signals that stay in memory while the signals are read through."""
MIB = 2.0**20
ROW_BYTES = 45.0
"""A row of the scan on disk."""
VALUE_BYTES = 64.0
"""One person's value of one trait during the scan: as read, in the order of the genotypes, and residuals as float64 and
float32."""
VARIANT_BYTES = 110.0
"""Id, alleles and position of a variant of an open chromosome; LISTED_BYTES while the list of variants is being read."""
LISTED_BYTES = 540.0
COPY_BYTES, DECODED_BYTES = 4.0, 24.0
"""One person's genotype near a locus, kept as float32, and while it is being decoded."""
STRIPS, MATRICES = 7.0, 4.0
"""Float64 strips of genotypes near a locus, and variant by variant matrices, that are in memory at the same time."""
POINT_BYTES = 700.0
"""A row of the scan that the page draws as a point; most of the weakest rows become pixels instead."""
READ_ROW_BYTES, IDLE_ROW_BYTES = 300.0, 10.0
"""A row of the scan while its chromosome is read, and afterwards, in memory that was freed but not returned."""
GENOME_BP = 2.9e9
SPLITS = 3
"""Attempts to split ancestry groups: one, and two more if it succeeds."""
SCREENED = 0.7
"""Share of the time of all pairs over all variants that is left if pairs are given up early (benchmarks/speed/kinship.py)."""
COMMON = 0.5
"""Share of variants that are common enough for sample QC, and share of these left after LD pruning; as on an array."""


@dataclass(frozen=True)
class Cost:
    """Processor seconds, memory and disk (results that stay) of one part, and the cores that it can use."""

    cpu_seconds: float
    memory_mib: float
    disk_mib: float
    cores: int = 1
    start_seconds: float = CONSTANTS["start"]
    """Of cpu_seconds, those of starting ecgwas and loading libraries, which a run of the whole study does once."""

    @property
    def seconds(self) -> float:
        """Wall-clock time on otherwise idle cores."""
        return min(self.start_seconds, self.cpu_seconds) + self.seconds_after_start

    @property
    def seconds_after_start(self) -> float:
        """Wall-clock time without starting ecgwas."""
        return self.work_seconds / self.cores

    @property
    def work_seconds(self) -> float:
        """Processor seconds without starting ecgwas, as the note of the part will have them."""
        return max(self.cpu_seconds - self.start_seconds, 0.0)


@dataclass(frozen=True)
class StudySize:
    """How large a study is.

    recordings  people with a recording
    tested      people with a recording or in a feature table, and with genotypes
    variants    chromosome -> number of variants;  dosages  True if genotypes are not hard calls
    repeats     people with a second visit
    compared    further recordings that are read to choose the best (`read.choose: best_quality`)
    genotyped   people in the genotype files, with or without a recording; None: only those tested
    in_tables   people in the largest feature table
    """

    recordings: int
    tested: int
    variants: Mapping[str, int]
    dosages: bool = False
    repeats: int = 0
    compared: int = 0
    genotyped: int | None = None
    in_tables: int = 0

    @property
    def all_variants(self) -> int:
        """Variants of all chromosomes."""
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
        """Lists of variants: all chromosomes open, the largest still being read."""
        return self.all_variants * VARIANT_BYTES + self.largest * (LISTED_BYTES - VARIANT_BYTES)


def person_bytes(study: Study) -> float:
    """One person's cleaned recording and three median beats, float32."""
    strip = strip_samples(study)
    return 4 * len(LEADS) * (strip + 3 * beat_samples(study))


def beat_samples(study: Study) -> float:
    """Samples of a median beat."""
    options = options_of(study)
    return (options.beats.before_ms + options.beats.after_ms) / 1000 * options.rate_hz


def strip_samples(study: Study) -> float:
    """Samples of a whole recording."""
    options = options_of(study)
    return options.seconds * options.rate_hz


def read(study: Study, people: int, repeats: float = 0.0, compared: float = 0.0) -> Cost:
    """One part of stage read: this many people, and second visits, which are read after the first have been written.

    compared: further recordings, of which nothing is kept.
    """
    in_memory, on_disk = (number * person_bytes(study) / MIB for number in (people, people + repeats))
    # While a part is moved into place, its files are in the page cache, which does not count.
    cpu = CONSTANTS["start"] + (people + repeats + compared) * CONSTANTS["read_recording"]
    return Cost(cpu, BASE_MIB + 1.05 * in_memory, on_disk)


def fiducials(size: StudySize) -> Cost:
    """Fiducial points of three median beats of every recording; those of first visits are written twice."""
    recordings = size.recordings + size.repeats
    cpu = CONSTANTS["start"] + recordings * CONSTANTS["fiducials_recording"]
    table = len(MEDIAN_BEATS) * len(FIDUCIAL_POINTS) * 8 / MIB
    return Cost(cpu, BASE_MIB + MAPPED_MIB + 4 * recordings * table, (recordings + size.recordings) * table)


def read_join(size: StudySize) -> Cost:
    """The list of all recordings."""
    return Cost(CONSTANTS["start"], BASE_MIB + size.recordings * 1000 / MIB, size.recordings * 60 / MIB)


def represent(study: Study, options: RepresentationOptions, size: StudySize) -> Cost:
    """One representation, fitted, and applied to median beats, to odd and even beats, and to second visits; or a table."""
    people, start = size.recordings if options.uses_recordings else size.in_tables, CONSTANTS["start"]
    # Features of whole, odd and even beats: in memory as float64, on disk as float32 or packed.
    encoded = people + (size.repeats / 3 if options.uses_recordings else 0.0)
    values = encoded * traits_of(options)
    on_disk, in_memory = 3 * values * 4.5 / MIB, 6 * values * 8 / MIB + MAPPED_MIB
    on_disk *= 1 + options.retrainings / 3  # With other seeds only the features of whole beats are kept.
    samples = (beat_samples(study), strip_samples(study)) if options.uses_recordings else (0.0, 0.0)
    cohort = CohortSize(people, encoded, *samples)
    needed = work_of(options, cohort)
    start += CONSTANTS["start_torch"] if options.uses_torch else 0.0
    cpu = start + _seconds(needed.units)
    memory = BASE_MIB + (TORCH_MIB if options.uses_torch else 0.0) + in_memory + needed.memory_bytes / MIB
    return Cost(cpu, memory, on_disk + needed.disk_bytes / MIB, start_seconds=start)


def _seconds(units: Mapping[str, float]) -> float:
    """Processor seconds of units of the constants."""
    return sum(number * CONSTANTS[unit] for unit, number in units.items())


def traits(study: Study, size: StudySize, n_traits: int) -> Cost:
    """Joining and transforming `n_traits` traits, and sample QC: LD-pruned variants, kinship of all pairs, genotype PCs."""
    people, options = size.tested, study.traits
    read_variants = min(size.all_variants, pruned_panel.MAX_VARIANTS_READ)
    pruned = min(COMMON**2 * read_variants, pruned_panel.MAX_VARIANTS)
    with_pcs = options.components > 0 or options.guards.max_component_sd is not None
    with_kinship = options.guards.max_kinship is not None or (with_pcs and people <= sample_qc.most_compared())
    cpu = CONSTANTS["start"] + read_variants * people * CONSTANTS["panel_call"]
    cpu += _kinship_seconds(pruned, people) if with_kinship else 0.0
    # Once for the PCs; for ancestry groups, some variants for every attempted split.
    used = pruned + SPLITS * min(pruned, ancestry.MAX_VARIANTS)
    cpu += (1 + genotype_pcs.ROUNDS) * used * people * CONSTANTS["component_call"] if with_pcs else 0.0
    cpu += n_traits * (CONSTANTS["trait"] + people * CONSTANTS["trait_value"])
    judging = max(_kinship_bytes(pruned, people) if with_kinship else 0.0, _pcs_bytes(pruned, people) if with_pcs else 0.0)
    memory = 6.0 * people * n_traits * 8 + size.listed_bytes + max(panel_bytes(size), kept_panel_bytes(size) + judging)
    return Cost(cpu, BASE_MIB + memory / MIB, people * n_traits * 8 / MIB)


def panel_bytes(size: StudySize) -> float:
    """Variants for sample QC, packed, while they are filtered, pruned and thinned."""
    people, read_variants = size.tested, min(size.all_variants, pruned_panel.MAX_VARIANTS_READ)
    largest = read_variants * size.largest / max(size.all_variants, 1)
    reading = 3.0 * min(pruned_panel.VARIANTS_PER_STEP, largest) * people
    reading += COMMON * largest * (people / 2 + 30 * pruned_panel.PEOPLE_FOR_LD)
    return COMMON**2 * read_variants * people / 4 + max(reading, kept_panel_bytes(size) / 3)


def kept_panel_bytes(size: StudySize) -> float:
    """The thinned variants, packed: of all people, of those judged by their genotypes, and of those kept."""
    read_variants = min(size.all_variants, pruned_panel.MAX_VARIANTS_READ)
    return 3.0 * min(COMMON**2 * read_variants, pruned_panel.MAX_VARIANTS) * size.tested / 4


def _kinship_seconds(pruned: float, people: int) -> float:
    """All pairs over these variants; in large cohorts most pairs over some of them. Without the compiled part, products."""
    if not compiled.is_available():
        return 5 * people**2 * pruned * CONSTANTS["kinship_product"]
    counted = people * (people - 1) / 2 * (1.0 if people <= kinship.MOST_IN_FULL else SCREENED)
    return pruned * (counted * CONSTANTS["kinship_call"] + people * CONSTANTS["panel_call"])


def _kinship_bytes(pruned: float, people: int) -> float:
    """The calls once more, in strips. Without the compiled part: some variants of all people as float32 in four codings; counts
    and kinships of some people with all."""
    if compiled.is_available():
        return pruned * people / 4 + 8.0 * packed_calls.GENOTYPES_PER_STEP
    return min(kinship.STEP_BYTES, 16.0 * pruned * people) + 40.0 * min(kinship.PEOPLE_PER_STEP, people) * people


def _pcs_bytes(pruned: float, people: int) -> float:
    """Some standardised genotypes, and the vectors of every round, twice."""
    vectors = 16.0 * people * (1 + genotype_pcs.ROUNDS) * (genotype_pcs.OVERSAMPLED + 10)
    return 24.0 * min(genotype_pcs.GENOTYPES_PER_STEP, pruned * people) + vectors


def scan(study: Study, size: StudySize, n_traits: int, variants: int) -> Cost:
    """One chromosome against all `n_traits` traits, with missing calls, which take two to three times as long as none."""
    options = study.scan
    cores = options.thread_limit or matrix.BLOCKS_IN_MEMORY
    workers = options.thread_limit or max(cores, matrix.threads(0))
    part = PartSize(size.tested, size.in_files, n_traits, variants, size.dosages, workers, size.all_variants)
    needed = scan_work_of(options, part)
    kept = part.tests * 10.0**-options.keep_neglog10p
    memory = VALUE_BYTES * size.tested * n_traits + 2 * n_traits * HISTOGRAM_BYTES + variants * LISTED_BYTES + kept * 300
    disk = kept * ROW_BYTES + variants * 12 + n_traits * HISTOGRAM_BYTES
    return Cost(
        CONSTANTS["start"] + _seconds(needed.units),
        BASE_MIB + (memory + needed.memory_bytes) / MIB,
        (disk + needed.disk_bytes) / MIB,
        cores=cores,
    )


def loci(study: Study, size: StudySize, n_traits: int) -> Cost:
    """Thresholds, hits, linkage disequilibrium, heritability, fine-mapping and audit of `n_traits` traits."""
    kept = size.all_variants * n_traits * 10.0**-study.scan.keep_neglog10p
    read_variants = min(size.all_variants, pruned_panel.MAX_VARIANTS_READ)
    sampled = min(size.tested, heritability.MAX_PEOPLE)
    cpu = CONSTANTS["start"] + read_variants * size.tested * CONSTANTS["panel_call"]
    cpu += (
        sampled**2 * min(COMMON**2 * read_variants, pruned_panel.MAX_VARIANTS) * 1e-10 + sampled**3 * CONSTANTS["eigen_product"]
    )
    # For each trait, likelihoods on the eigenvalues and its QQ plot; tests by allele frequency.
    cpu += n_traits * (CONSTANTS["loci_trait"] + 2 * sampled**2 * 1e-10)
    cpu += 3 * min(size.all_variants, inflation_by_maf.MAX_VARIANTS) * size.tested * n_traits * CONSTANTS["scan_test_person"]
    # The number of hits is unknown: as many as may be audited and rows are kept, and as many loci as the report shows.
    cpu += min(study.loci.audit, kept) * (CONSTANTS["audited"] + size.tested * CONSTANTS["audited_person"])
    cpu += study.report.max_loci * _region_seconds(region_variants(study, size), size.tested)
    around = neighbourhood_work(study, size)
    cpu += study.report.max_loci * _seconds(around.units)
    memory = kept * 40 + VALUE_BYTES * size.tested * n_traits + 2 * len(size.variants) * n_traits * HISTOGRAM_BYTES
    at_a_time = (panel_bytes(size) + 6 * sampled**2 * 8, region_bytes(study, size), around.memory_bytes)
    memory += size.listed_bytes + max(at_a_time)
    return Cost(cpu, BASE_MIB + 30 + memory / MIB, (n_traits * 10_000 + study.report.max_loci * around.disk_bytes) / MIB)


def neighbourhood_work(study: Study, size: StudySize) -> Work:
    """Testing every variant around a locus, which is taken to be window_bp wide."""
    variants = neighbourhoods.expected_variants(size.all_variants / GENOME_BP, study.loci.window_bp)
    return neighbourhoods.work(size.tested, min(size.largest, variants), dosages=size.dosages)


def region_variants(study: Study, size: StudySize) -> float:
    """Variants around a locus, which is taken to be window_bp wide, with the same width on either side."""
    return min(size.largest, 3.0 * study.loci.window_bp * size.all_variants / GENOME_BP)


def region_bytes(study: Study, size: StudySize) -> float:
    """All people's genotypes around a locus, and the matrices of conditional analysis and credible sets."""
    variants = region_variants(study, size)
    strips = STRIPS * min(models.BATCH_BYTES, 8 * variants * size.tested)
    matrices = MATRICES * 8 * min(variants, credible_sets.MAX_VARIANTS) ** 2
    genotypes = COPY_BYTES * variants * size.tested + DECODED_BYTES * individual_data.VARIANTS_AT_ONCE * size.tested
    return genotypes + strips + matrices


def _region_seconds(variants: float, people: int) -> float:
    """Conditional analysis, and the correlations for a credible set."""
    each = CONSTANTS["region_call"] + min(variants, credible_sets.MAX_VARIANTS) * CONSTANTS["region_product"]
    return variants * people * each


def genes() -> Cost:
    """With sources of files; how long online services take is unknown."""
    return Cost(CONSTANTS["start"] + CONSTANTS["genes"], BASE_MIB + 30, 0.05)


def report(study: Study, size: StudySize, n_traits: int) -> Cost:
    """The page: rows of the scan, which are read and in part drawn, and the traits of all people."""
    kept = size.all_variants * n_traits * 10.0**-study.scan.keep_neglog10p
    uses_torch = any(options.uses_torch for options in study.represent)
    memory = min(kept, embedded.MOST_POINTS) * POINT_BYTES + kept * IDLE_ROW_BYTES
    memory += 2 * size.tested * n_traits * 8 + 2 * len(size.variants) * n_traits * HISTOGRAM_BYTES
    start = CONSTANTS["start"] + (CONSTANTS["start_torch"] if uses_torch else 0.0)
    cpu = start + CONSTANTS["report"] + kept * CONSTANTS["report_row"]
    cpu += CONSTANTS["report_recordings"] if size.recordings else 0.0
    return Cost(cpu, BASE_MIB + 50 + (TORCH_MIB if uses_torch else 0.0) + memory / MIB, 15.0, start_seconds=start)
