"""Individual data of stage `loci`: genotypes of the participants tested, for hits, loci, known variants and guards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl

from ecgwas import represent
from ecgwas.genotypes import chromosomes, pruned_panel
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.loci import (
    clumps,
    fine_mapping,
    group_effects,
    heritability,
    known,
    natural_units,
    neighbourhoods,
    positive_controls,
)
from ecgwas.loci.audit import OddEvenTraits
from ecgwas.loci.group_effects import GroupFits, Grouping
from ecgwas.loci.individual_data import Chromosome, VariantsTested
from ecgwas.loci.inflation_by_maf import inflation_by_maf
from ecgwas.loci.merge import LociTables
from ecgwas.loci.thresholds import neglog10p_used
from ecgwas.stages import polygenic, scan
from ecgwas.stages import traits as trait_stage
from ecgwas.stages.base import seed_of
from ecgwas.study import RepresentationOptions, Study
from ecgwas.tables import HETEROGENEITY, Covariates, Features, ScanResult, Traits, files
from ecgwas.tables.calibration import Heritability, Inflation
from ecgwas.tables.loci import Clumps, GroupEffects, KnownTested, LeadTests, Neighbourhoods
from ecgwas.traits import remeasure


class LocusData:
    """The traits, covariates and genotypes of the participants tested. Each chromosome is opened once, when first needed."""

    def __init__(self, study: Study, traits: Traits, covariates: Covariates, results: Sequence[ScanResult]) -> None:
        self.study, self.traits, self.covariates = study, traits, covariates
        self.tested = VariantsTested.from_frame(pl.concat([result.left_out.frame for result in results]))
        self.ancestry = trait_stage.load_ancestry(study, "ancestry_group")
        self._open: dict[str, Chromosome] = {}

    def chromosome(self, name: str) -> Chromosome:
        """One chromosome's genotypes and the participants tested on it."""
        if name not in self._open:
            genotypes = chromosomes.open_chromosome(self.study.scan, name)
            tested = polygenic.residual_traits(self.study, self.traits, name)
            once = {"men_on_x": self.study.scan.men_on_x}
            shared = self._sharing(Chromosome.of(genotypes, tested, self.covariates, self.ancestry, **once))
            if polygenic.is_used(self.study):
                self._open.clear()  # Each chromosome has values of its own then, which would fill the memory.
            self._open[name] = shared.keeping_relatives(scan.engine(self.study))
        return self._open[name]

    def _sharing(self, chromosome: Chromosome) -> Chromosome:
        """The chromosome with the cohort of one already open, if they are the same, so that memory holds one copy, not 22."""
        same = (other.cohort for other in self._open.values() if chromosome.cohort.is_same_as(other.cohort))
        return replace(chromosome, cohort=next(same, chromosome.cohort))

    def all(self) -> Iterator[Chromosome]:
        """Every chromosome, in order."""
        return (self.chromosome(part) for part in scan.tested_chromosomes(self.study))

    def clump(self, hits: pl.DataFrame) -> Clumps:
        """The clumps of the hits."""
        options = self.study.loci
        return clumps.clump(hits, self.chromosome, min_r2=options.clump_r2, window_bp=options.clump_window_bp)

    def fine_map(self, tables: LociTables) -> fine_mapping.FineMapping:
        """Conditional analysis, credible sets, audit."""
        names = tables.hits.frame["trait"].unique(maintain_order=True).to_list()
        return fine_mapping.fine_map(
            self.study.loci, tables.hits.frame, tables.loci.frame, tables.clumps, self.chromosome, self.tested,
            limit=neglog10p_used(tables.thresholds), build=self.study.scan.build,
            odd_even=self._odd_even(names), reseeded=self._reseeded(names),
        )  # fmt: skip

    def known_tested(self) -> KnownTested:
        """Known variants that were tested here; empty if the study names no table."""
        if self.study.loci.known is None:
            return KnownTested.empty()
        table = known.read(self.study.loci.known)
        return positive_controls.known_tested(table, self.all(), self.tested, self.study.loci.known_traits)

    def known_guards(self, table: KnownTested) -> list[dict[str, Any]]:
        """Rows of Guards on the known variants tested here, compared with the scan's permutations."""
        seed = seed_of(self.study, "scan")
        return positive_controls.guard_rows(positive_controls.replicated_shares(table, self.all(), seed=seed))

    def known_by_ld(self, loci: pl.DataFrame) -> pl.DataFrame:
        """The loci; those in linkage disequilibrium with a known variant also count as known."""
        if self.study.loci.known is None:
            return loci
        table = known.read(self.study.loci.known)
        return positive_controls.known_by_ld(self.study.loci, loci, table, self.chromosome, self.tested)

    def inflation_by_maf(self) -> Inflation:
        """Genomic inflation by minor allele frequency."""
        variants = sum(len(chromosome.genotypes) for chromosome in self.all())
        return inflation_by_maf(scan.engine(self.study), self.all(), self.tested, variants)

    def imputed(self) -> bool:
        """True if genotypes of any chromosome are imputed."""
        return any(chromosome.genotypes.is_imputed for chromosome in self.all())

    def heritability(self) -> Heritability:
        """Heritability of every trait, from the LD-pruned variants of sample QC."""
        open_part = partial(chromosomes.open_chromosome, self.study.scan)
        parts = scan.tested_chromosomes(self.study)
        panel = pruned_panel.read(parts, open_part, self.traits.eids, build=self.study.scan.build)
        return heritability.heritability(self.traits, self.covariates, panel)

    def neighbourhoods(self, loci: pl.DataFrame, hits: pl.DataFrame) -> Neighbourhoods:
        """The strongest traits of each locus against every variant around it."""
        return neighbourhoods.neighbourhoods(loci, self.traits, self.covariates, self._genotypes, hits=hits, **self._engine)

    def lead_tests(self, loci: pl.DataFrame) -> LeadTests:
        """Each locus's lead variant against every trait."""
        return neighbourhoods.lead_tests(loci, self.traits, self.covariates, self._genotypes, **self._engine)

    def heterogeneity(self, hits: pl.DataFrame) -> pl.DataFrame:
        """Columns HETEROGENEITY of the hits, in their order."""
        ancestry, sex = (fitted.combined.q_p for _, fitted in self._in_groups(hits))
        columns = dict(zip(HETEROGENEITY, (ancestry, sex), strict=True))
        return pl.DataFrame(columns, schema={name: pl.Float64 for name in columns}).fill_nan(None)

    def group_effects(self, loci: pl.DataFrame, lead_tests: LeadTests) -> GroupEffects:
        """Each locus's lead variant in ancestry groups and in men and women."""
        return group_effects.of_loci(loci, lead_tests.frame, self._in_groups(group_effects.leads_of(loci)))

    def _in_groups(self, rows: pl.DataFrame) -> list[tuple[str, GroupFits]]:
        """Rows (columns trait and of a variant), fitted in ancestry groups and in men and women."""
        groupings: list[tuple[str, Callable[[Genotypes], Grouping]]] = [
            (group_effects.ANCESTRY, lambda _: group_effects.by_ancestry(self.ancestry)), (group_effects.SEX, self._by_sex),
        ]  # fmt: skip
        engine, about = scan.builtin_engine(self.study), (self.traits, self.covariates, self._genotypes)
        return [(by, group_effects.fits(engine, *about, rows, grouping)) for by, grouping in groupings]

    def _by_sex(self, genotypes: Genotypes) -> Grouping:
        return group_effects.by_sex(genotypes.sexes[genotypes.sample_index(self.traits.eids)])

    @property
    def _engine(self) -> dict[str, Any]:
        return {
            "engine": scan.whole_engine(self.study), "ancestry": self.ancestry,
            "tested_on": partial(polygenic.residual_traits, self.study),
        }  # fmt: skip

    def _genotypes(self, chrom: str) -> Genotypes:
        return self.chromosome(chrom).genotypes

    def natural_effects(self, hits: pl.DataFrame) -> pl.DataFrame:
        """Columns effect, effect_se and unit of the hits."""
        return natural_units.natural_effects(
            hits, trait_stage.load_units(self.study), partial(trait_stage.load_untransformed, self.study), self.covariates,
            self._genotypes, scan.builtin_engine(self.study),
        )  # fmt: skip

    def _odd_even(self, names: Sequence[str]) -> OddEvenTraits | None:
        """The traits with hits, measured in odd and in even beats; None if no hit comes from median beats."""
        with_hits = _with_hits(of_beats(self.study), names)
        if not with_hits:
            return None
        odd, even = (
            {options.name: file.read(self.study.results, representation=options.name) for options in with_hits}
            for file in (files.FEATURES_ODD, files.FEATURES_EVEN)
        )
        return OddEvenTraits(self._traits_of(odd, names), self._traits_of(even, names))

    def _reseeded(self, names: Sequence[str]) -> list[Traits]:
        """The traits with hits, learned from other seeds: one table for each seed."""
        with_hits = _with_hits(of_seeds(self.study), names)
        tables = []
        for number in range(1, max((options.retrainings for options in with_hits), default=0) + 1):
            features = {
                options.name: files.FEATURES_OF_SEED.read(self.study.results, representation=options.name, number=number)
                for options in with_hits
                if options.retrainings >= number
            }
            tables.append(self._traits_of(features, names))
        return tables

    def _traits_of(self, features: Mapping[str, Features], names: Sequence[str]) -> Traits:
        """The named traits, from other features of the same participants; features: by representation."""
        strata = trait_stage.load_ancestry(self.study, "normalised_within")
        return remeasure.remeasured(self.study.traits, features, self.covariates, names, strata)


def _with_hits(representations: Sequence[RepresentationOptions], names: Sequence[str]) -> list[RepresentationOptions]:
    """The representations of the traits with these names."""
    return [options for options in representations if any(name.startswith(f"{options.name}.") for name in names)]


def of_seeds(study: Study) -> list[RepresentationOptions]:
    """Representations that were also trained from other seeds."""
    return [] if study.traits.shuffle else [options for options in study.represent if options.retrainings]


def measured(study: Study) -> list[RepresentationOptions]:
    """Representations with features that have a unit."""
    return [options for options in study.represent if represent.units(options)]


def of_beats(study: Study) -> list[RepresentationOptions]:
    """Representations of median beats, which also have features of odd and even beats."""
    if study.traits.shuffle:
        return []
    return [options for options in study.represent if options.uses_beats]
