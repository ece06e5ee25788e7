"""Stage `loci`, the closer look: genotypes of the people tested read again, for hits, loci, known variants and guards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl

from ecgwas.genotypes import chromosomes, pruned_panel
from ecgwas.loci import clumps, fine_mapping, heritability, known, neighbourhoods
from ecgwas.loci import inflation_by_maf as by_frequency
from ecgwas.loci import positive_controls as controls
from ecgwas.loci.audit import Halves
from ecgwas.loci.individual_data import Chromosome, VariantsTested
from ecgwas.loci.merge import LociTables
from ecgwas.loci.thresholds import used
from ecgwas.stages import scan
from ecgwas.stages import traits as trait_stage
from ecgwas.stages.base import seed_of
from ecgwas.study import RepresentationOptions, Study
from ecgwas.tables import Covariates, Features, ScanResult, Traits, files
from ecgwas.tables.loci import Clumps, Heritability, Inflation, KnownTested, Neighbourhoods
from ecgwas.traits import join as trait_tables


class LocusData:
    """Opens each chromosome once, when it is first asked for."""

    def __init__(self, study: Study, traits: Traits, covariates: Covariates, results: Sequence[ScanResult]) -> None:
        self.study, self.traits, self.covariates = study, traits, covariates
        self.tested = VariantsTested.from_frame(pl.concat([result.left_out.frame for result in results]))
        self.ancestry = trait_stage.load_ancestry(study, "ancestry_group")
        self._open: dict[str, Chromosome] = {}

    def chromosome(self, name: str) -> Chromosome:
        """The people tested on one chromosome, and its genotypes."""
        if name not in self._open:
            opened = chromosomes.open_part(self.study.scan, name)
            self._open[name] = self._sharing(Chromosome.of(opened, self.traits, self.covariates, self.ancestry))
        return self._open[name]

    def _sharing(self, found: Chromosome) -> Chromosome:
        """With the people's values of a chromosome that is open already, where they are the same: held once, not 22 times."""
        same = (other.cohort for other in self._open.values() if found.cohort.is_same_as(other.cohort))
        return replace(found, cohort=next(same, found.cohort))

    def all(self) -> Iterator[Chromosome]:
        """Every chromosome in order."""
        return (self.chromosome(part) for part in scan.STAGE.parts(self.study))

    def clump(self, hits: pl.DataFrame) -> Clumps:
        """What linkage joins."""
        options = self.study.loci
        return clumps.clump(hits, self.chromosome, min_r2=options.clump_r2, window_bp=options.clump_window_bp)

    def closer(self, found: LociTables) -> fine_mapping.Evidence:
        """Conditional analysis, credible sets, audit."""
        names = found.hits.frame["trait"].unique(maintain_order=True).to_list()
        return fine_mapping.gather(
            self.study.loci, found.hits.frame, found.loci.frame, found.clumps, self.chromosome, self.tested,
            limit=used(found.thresholds), build=self.study.scan.build,
            halves=self._halves(names), seeds=self._seeds(names),
        )  # fmt: skip

    def controls(self) -> KnownTested:
        """Known variants tested here; none where the study names no table."""
        if self.study.loci.known is None:
            return KnownTested.empty()
        table = known.read(self.study.loci.known)
        return controls.controls(table, self.all(), self.tested, self.study.loci.known_traits)

    def controls_judged(self, table: KnownTested) -> list[dict[str, Any]]:
        """Rows of Guards about the known variants tested here, beside the scan's shuffles."""
        shares = controls.shares(table, self.all(), seed=seed_of(self.study, "scan")) if len(table) else {}
        return controls.verdicts(shares)

    def known(self, loci: pl.DataFrame) -> pl.DataFrame:
        """The loci, those in linkage with a known variant called known, too."""
        if self.study.loci.known is None:
            return loci
        return controls.linked(self.study.loci, loci, known.read(self.study.loci.known), self.chromosome, self.tested)

    def by_frequency(self) -> Inflation:
        """Genomic inflation by minor allele frequency."""
        opened = list(self.all())
        return by_frequency.by_frequency(self.study.scan, opened, self.tested, sum(len(one.genotypes) for one in opened))

    def imputed(self) -> bool:
        """True if genotypes of any chromosome are imputed."""
        return any(one.genotypes.imputed for one in self.all())

    def heritability(self) -> Heritability:
        """Of every trait, from the variants that people are judged by."""
        open_part = partial(chromosomes.open_part, self.study.scan)
        parts = scan.STAGE.parts(self.study)
        seen = pruned_panel.read(parts, open_part, self.traits.eids, build=self.study.scan.build)
        return heritability.heritability(self.traits, self.covariates, seen)

    def neighbourhoods(self, loci: pl.DataFrame) -> Neighbourhoods:
        """Each locus's best trait against every variant around it."""
        return neighbourhoods.neighbourhoods(
            loci, self.traits, self.covariates, lambda chrom: self.chromosome(chrom).genotypes,
            engine=scan.builtin_engine(self.study), ancestry=self.ancestry,
        )  # fmt: skip

    def _halves(self, names: Sequence[str]) -> Halves | None:
        """The traits with hits measured in odd and in even heartbeats; None where no hit comes from beats."""
        wanted = [options for options in of_beats(self.study) if any(name.startswith(f"{options.name}.") for name in names)]
        if not wanted:
            return None
        halves = (
            {one.name: half.read(self.study.results, representation=one.name) for one in wanted}
            for half in (files.FEATURES_ODD, files.FEATURES_EVEN)
        )
        return Halves(*(self._measured(features, names) for features in halves))

    def _seeds(self, names: Sequence[str]) -> list[Traits]:
        """The traits with hits learned from other seeds, one table for each number of a seed."""
        wanted = [one for one in of_seeds(self.study) if any(name.startswith(f"{one.name}.") for name in names)]
        found = []
        for number in range(1, max((one.retrainings for one in wanted), default=0) + 1):
            with_it = [one for one in wanted if one.retrainings >= number]
            features = {
                one.name: files.FEATURES_OF_SEED.read(self.study.results, representation=one.name, number=number)
                for one in with_it
            }
            found.append(self._measured(features, names))
        return found

    def _measured(self, features: Mapping[str, Features], names: Sequence[str]) -> Traits:
        """Traits of other features of the same people; features: by representation."""
        strata = trait_stage.load_ancestry(self.study, "normalised_within")
        return trait_tables.again(self.study.traits, features, self.covariates, names, strata)


def of_seeds(study: Study) -> list[RepresentationOptions]:
    """Representations that were trained again from other seeds."""
    return [] if study.traits.shuffle else [options for options in study.represent if options.retrainings]


def of_beats(study: Study) -> list[RepresentationOptions]:
    """Representations of median beats, which odd and even heartbeats have, too."""
    if study.traits.shuffle:
        return []
    return [options for options in study.represent if not options.uses_strips]
