"""The built-in engine with relatives: the linear mixed model of ecgwas.mixed.

Every group of traits with the same participants has its own rotation, and every trait its own lambda. A chromosome is tested
with the relationship that the other autosomes give (Listgarten et al. 2012, Nat Methods 9:525), so that a variant does not
explain itself away: common variants, evenly spaced, of at most MAX_VARIANTS_READ. They are not LD-pruned, because relatives by
few founders (mice) differ in long segments that few pruned variants tag. X, Y and MT are tested with the relationship of all
autosomes. Missing calls count as the variant's mean, as in GEMMA.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.genotypes import chromosomes, pruned_panel
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.genotypes.packed import NO_CALL
from ecgwas.genotypes.readers import unpack
from ecgwas.mixed import variant_tests
from ecgwas.mixed.relationship import Relationship
from ecgwas.mixed.rotation import Rotation, rotation
from ecgwas.mixed.variant_tests import ExactTests, RotatedTraits
from ecgwas.mixed.whitening import Coordinates, WithoutCovariates
from ecgwas.scan.block_scan import Prepared
from ecgwas.scan.engine import block_results, screening
from ecgwas.scan.engine.block_results import BlockResult
from ecgwas.scan.engine.family_denominators import filled
from ecgwas.scan.engine.regression import MARGIN, Fitter
from ecgwas.scan.engine.rotated_genotypes import RotatedGenotypes
from ecgwas.scan.engine.samples import Cohort, Group
from ecgwas.scan.engine.screening import Screened
from ecgwas.scan.exact_rows import exact_rows
from ecgwas.scan.permutation import max_t_relatives
from ecgwas.scan.permutation.max_t_relatives import MixedShuffles
from ecgwas.statistics.projection import span
from ecgwas.study.scan import Matrix

MIN_VARIANTS = 200
"""With fewer common variants on the other chromosomes, relatives cannot be distinguished from chance."""
MAX_VARIANTS_READ = 50_000
"""Variants that are read for a relationship; further ones hardly change it, and each costs N^2."""
ROTATION_BYTES = 2**32
"""Memory of the rotations of all groups of traits that are tested in one pass, and of those that are kept for another scan."""
PEOPLE_OF_MARGIN = 100.0
"""A test is also computed exactly if the screen's t squared is below the limit by at most PEOPLE_OF_MARGIN / N.

The screen has lambda without the variant, which raises lambda where relatives share the variant and the trait; the exact t
squared is then larger. In 15 cohorts of 100 to 1,500 people, with and without relatives, and heritabilities of 0 to 0.95, the
largest shortfall at -log10 p 3 was 60 / N (benchmarks/speed/mixed_model.py, MARGIN, repeats some)."""
AT_ONCE = 1024
"""Variants that are screened together."""
EXACT_AT_ONCE = 256
"""Variants with candidates that are rotated together in float64."""


def refuse_too_many(options: Matrix, people: int) -> None:
    """Raises InputError for more participants than the exact model is used for.

    An eigendecomposition takes some 10 N^3 operations once per chromosome: at 15,000 people 10 to 30 minutes of one core (0.6 s
    at 1,500), and with the relationship matrix and the rotation some 13 GiB, as much as computers usually have.
    """
    if people > options.exact_people:
        problem = f"scan.relatives: polygenic is exact for at most {options.exact_people} people (scan.exact_people), and "
        problem += f"{people} are tested"
        fix = "run it as a study, which predicts traits from the other chromosomes, or write relatives: family"
        raise InputError(problem, fix=fix)


def rotation_bytes(people: int) -> int:
    """Memory of one rotation, in float64 and float32, and of the tiles from which the table kernel looks up its sums."""
    return 16 * people**2


def loco_relationship(options: Matrix, chrom: str, eids: Sequence[str]) -> NDArray[np.float64]:
    """(N, N) relationship of `eids` from common variants of the study's other autosomes, or of all autosomes for X, Y and MT.

    Raises InputError if these are fewer than MIN_VARIANTS.
    """
    parts = [name for name in chromosomes.available(options) if name in pruned_panel.AUTOSOMES and name != chrom]
    opened = [chromosomes.open_chromosome(options, name) for name in parts]
    stride = max(1, -(-sum(len(part) for part in opened) // MAX_VARIANTS_READ))
    sums = Relationship(len(eids))
    for part in opened:
        for _, block in pruned_panel.read_blocks(part, eids, stride):
            sums.add(copies_of(unpack(block.packed, block.people)[pruned_panel.is_common(block)]))
    _refuse_fewer(options, chrom, sums.variants)
    return sums.matrix()


def refuse_too_few_variants(options: Matrix) -> None:
    """Raises InputError if a chromosome's other autosomes have fewer than MIN_VARIANTS variants, common or not."""
    counts = chromosomes.variant_counts(options)
    of_autosomes = {part: count if part in pruned_panel.AUTOSOMES else 0 for part, count in counts.items()}
    for part, own in of_autosomes.items():
        _refuse_fewer(options, part, sum(of_autosomes.values()) - own)


def _refuse_fewer(options: Matrix, chrom: str, variants: int) -> None:
    if variants >= MIN_VARIANTS:
        return
    problem = f"scan.relatives: chromosome {chrom} is tested with the relationship that the other autosomes give, and they "
    problem += f"have {variants} common variants; at least {MIN_VARIANTS} are needed"
    fix = "name all autosomes in scan.chromosomes, do without scan.variants, or write relatives: drop"
    raise InputError(problem, where=options.genotypes, fix=fix)


def copies_of(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(V, N) float32 copies, missing NaN, of codes (V, N) uint8."""
    return np.where(codes == NO_CALL, np.float32(np.nan), codes).astype(np.float32)


class Relatives:
    """The mixed model of one cohort on one chromosome: its relationship, and the rotation of any of its participants."""

    def __init__(self, options: Matrix, cohort: Cohort, genotypes: Genotypes) -> None:
        """Raises InputError for too many participants or too few variants; see refuse_too_many and loco_relationship."""
        refuse_too_many(options, len(cohort.fam_index))
        self.options, self.chrom = options, genotypes.chrom
        self.eids = tuple(genotypes.eids[i] for i in cohort.fam_index)
        self._relationship: NDArray[np.float64] | None = None
        # The files may have been replaced since a rotation was kept.
        stamps = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in chromosomes.input_files(options)]
        self._inputs = [stamps, options.model_dump_json(include={"variants", "build", "chromosomes"})]

    @property
    def relationship(self) -> NDArray[np.float64]:
        """(N, N), computed when it is first needed."""
        if self._relationship is None:
            self._relationship = loco_relationship(self.options, self.chrom, self.eids)
        return self._relationship

    def rotation(self, people: NDArray[np.int64], basis: NDArray[np.float64]) -> Rotation:
        """That of some of the participants (n,), ascending indices, with the basis (n, R) of their covariates."""
        own = [self.eids[i] for i in people]
        key = blake2b(repr((self._inputs, self.chrom, own)).encode() + basis.tobytes()).digest()
        if key not in _kept:
            room = ROTATION_BYTES - rotation_bytes(len(people))
            while _kept and sum(rotation_bytes(len(each.basis)) for each in _kept.values()) > room:
                _kept.popitem(last=False)
            whole = len(people) == len(self.eids)
            _kept[key] = rotation(self.relationship if whole else self.relationship[np.ix_(people, people)], basis)
        _kept.move_to_end(key)
        return _kept[key]

    def coordinates(self, people: NDArray[np.int64], basis: NDArray[np.float64]) -> Coordinates:
        """In which the relationship of some of the participants is diagonal; arguments as of `rotation`."""
        return WithoutCovariates(self.rotation(people, basis))

    def fitter(self, group: Group, *, hard: bool = True, haploid: bool = False) -> Fitter:
        """Tests blocks of variants; arguments as of Fitter."""
        return MixedFitter(self.options, group, self, hard=hard, haploid=haploid)

    def forget(self) -> None:
        """Frees the relationship's memory; it is computed again if another rotation needs it."""
        self._relationship = None


_kept: OrderedDict[bytes, Rotation] = OrderedDict()
"""Rotations of the latest scans: stage `loci` tests the variants around one locus after the other, chromosome by chromosome."""


def batches(groups: list[Group]) -> list[list[Group]]:
    """Groups of traits whose rotations fit into ROTATION_BYTES together, in order; each batch is a pass over the variants."""
    passes: list[list[Group]] = []
    room = 0
    for group in groups:
        needed = rotation_bytes(len(group.people))
        if not passes or needed > room:
            passes.append([])
            room = ROTATION_BYTES
        passes[-1].append(group)
        room -= needed
    return passes


def prepared(options: Matrix, cohort: Cohort, grouped: list[Group], genotypes: Genotypes, seed: int) -> Iterator[Prepared]:
    """What each pass over the variants tests, in turn; the last one has the permutations."""
    model = Relatives(options, cohort, genotypes)
    hard, traits = cohort.has_hard_calls(genotypes), cohort.values.shape[1]
    residuals, lambdas = np.zeros((len(model.eids), traits if options.permutations else 0)), np.zeros(traits)
    passes = batches(grouped)
    for number, batch in enumerate(passes, 1):
        fitters = [MixedFitter(options, group, model, hard=hard, haploid=cohort.haploid) for group in batch]
        for fitter in fitters:
            group, own = fitter.group, fitter.rotated
            lambdas[group.traits] = own.lambdas
            if options.permutations:
                whitened = max_t_relatives.whitened(own.rotation, group.design.traits, own.lambdas)
                residuals[np.ix_(group.people, group.traits)] = whitened
        shuffles = None
        if number == len(passes) and options.permutations:
            everyone = model.rotation(np.arange(len(model.eids)), span(cohort.covariates))
            shuffles = MixedShuffles(
                cohort, everyone, residuals, lambdas, count=options.permutations, seed=seed, copies_of=filled
            )  # fmt: skip
        if number == len(passes):
            model.forget()
        yield Prepared([*fitters], shuffles)


def joined(results: Iterable[BlockResult], traits: int) -> BlockResult:
    """The sum of all passes over the variants of a chromosome; each but the last repeats what was excluded for all traits."""
    each = list(results)
    own = [replace(one, left_out=one.left_out.drop_nulls("trait")) for one in each[:-1]]
    return block_results.total([*own, each[-1]], traits)


class MixedFitter(Fitter):
    """Fits blocks of variants to the traits of one group by the mixed model."""

    def __init__(self, options: Matrix, group: Group, model: Relatives, *, hard: bool = True, haploid: bool = False) -> None:
        """Arguments as of Fitter; model: of the group's cohort."""
        super().__init__(options.model_copy(update={"missing": "mean"}), group, hard=hard, haploid=haploid)
        self.rotated: RotatedTraits = variant_tests.rotated(
            model.rotation(group.people, group.design.basis), group.design.traits
        )
        self.rotate = RotatedGenotypes(options.kernel, self.rotated.rotation.basis32, hard=hard)

    def min_t2(self, screened: Screened) -> NDArray[np.float64]:
        """(V,) t squared of the screen from which the exact test may reach keep_neglog10p."""
        margin = min(PEOPLE_OF_MARGIN / len(self.group.people), 0.9)
        return super().min_t2(screened) * ((1 - margin) / (1 + MARGIN))

    def chi2(self, block: GenotypeBlock, screened: Screened) -> NDArray[np.float32]:
        """(V, k) float32 t squared with each trait's lambda without the variant."""
        values = np.empty((len(block), screened.traits), dtype=np.float32)
        for start in range(0, len(block), AT_ONCE):
            chosen = np.arange(start, min(start + AT_ONCE, len(block)))
            values[chosen] = variant_tests.screen(self.rotate.of(block.select(chosen)), self.rotated)
        return values

    def candidates(self, block: GenotypeBlock, screened: Screened, t2_histogram: Any) -> NDArray[np.int32]:
        """See Fitter."""
        values, testable = self.chi2(block, screened), screened.testable
        t2_histogram += screening.histogram(values[testable]).astype(t2_histogram.dtype)
        reaches = (values >= self.min_t2(screened).astype(np.float32)[:, None]) & testable[:, None]
        return np.argwhere(reaches).astype(np.int32)

    def fitted(self, block: GenotypeBlock, candidates: NDArray[np.int32], df: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """See Fitter; Wald's test, with lambda estimated with the variant in the model."""

        def exact(copies: NDArray[np.float64], index: NDArray[np.int64], trait: NDArray[np.int64]) -> ExactTests:
            return variant_tests.exact(variant_tests.rotate(copies, self.rotated.rotation), index, trait, self.rotated)

        return exact_rows(self, block, candidates, df, exact, at_once=EXACT_AT_ONCE)
