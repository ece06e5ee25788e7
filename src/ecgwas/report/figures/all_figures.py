"""All figures of a study, by file name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecgwas.report import queries
from ecgwas.report.contents import Cohort, Figure, GeneResults, LociResults, ReportContents, RepresentationResults, ScanResults
from ecgwas.report.figures import (
    agreement,
    architecture,
    associations,
    cases,
    genotype,
    hits,
    miami,
    network,
    outcomes,
    phewas,
    predictions,
    recordings,
    region,
    scores,
    signals,
    terms,
    traversal,
)
from ecgwas.report.figures.gene_details import GeneDetails
from ecgwas.report.figures.thinning import PixelThinner, genome_of, thin
from ecgwas.report.links import NO_LINKS, Links
from ecgwas.report.names import feature_figure, slug
from ecgwas.report.text import labels
from ecgwas.report.text.points import PointWords
from ecgwas.study import ReportOptions
from ecgwas.tables import files

Figures = dict[str, Figure | None]
"""File name -> figure; None: there is nothing to draw."""


def all_figures(options: ReportOptions, contents: ReportContents, *, traits: Sequence[str] = ()) -> dict[str, Figure]:
    """File name -> figure; figures with nothing to show are absent.

    traits: drawn in addition to those with the strongest hits.
    """
    scan, loci = contents.scan, contents.loci
    drawn = [*dict.fromkeys([*queries.traits_drawn(options, loci.hits, scan.rows), *traits])]
    genome = genome_of(scan.rows)
    of_all = associations.thinner_of_all(scan, loci.min_neglog10p, genome)
    of_traits = associations.thinner_of_traits(scan, loci.min_neglog10p, drawn, genome)
    of_pairs = miami.thinners(scan, loci.min_neglog10p, genome)
    thin(scan.rows, [of_all, of_traits, *of_pairs])
    genes, words = queries.nearest_genes(contents.genes.genes, loci.loci), PointWords.of(contents)
    figures: Figures = {
        "all_traits": associations.manhattan_of_all(
            of_all, scan, labels.words(str(loci.threshold["kind"])), loci.loci, genes, words
        ),
        "null_study": associations.permutations(scan.permutation_max, loci.min_neglog10p, loci.loci, words.links),
        "inflation": associations.inflation(scan.summary),
        **_of_recordings(contents.cohort, contents.representations, contents.run.min_people),
        **miami.miami(of_pairs, words),
        **{f"grid_{name}": figure for name, figure in hits.grid(scan, loci).items()},
        **_of_traits(drawn, scan, of_traits),
        **_of_hits(options, scan.trait_names, loci, contents.genes, words.links),
        **_of_loci(contents),
        **network.clusters(contents.genes, options.max_clusters),
        **outcomes.figures(contents.tables),
        **cases.figures(contents.case_beats),
        **predictions.figures(contents.tables),
        **scores.figures(contents.tables),
    }
    if contents.null_study is not None:
        null = contents.null_study
        of_null = _of_hits(options, null.trait_names, null.loci, null.genes)
        figures |= {f"chance_{name}": _of_null(figure) for name, figure in of_null.items()}
    return {name: figure for name, figure in figures.items() if figure is not None}


def _of_traits(traits: Sequence[str], scan: ScanResults, thinner: PixelThinner) -> Figures:
    figures: Figures = {}
    for trait in traits:
        figures[f"manhattan_{slug(trait)}"] = associations.manhattan(trait, thinner, scan.keep_neglog10p)
        figures[f"qq_{slug(trait)}"] = associations.qq(trait, scan.qq, scan.summary)
    return figures


def _of_hits(
    options: ReportOptions, trait_names: Sequence[str], loci: LociResults, genes: GeneResults, links: Links = NO_LINKS
) -> Figures:  # fmt: skip
    """The figures that a study and its null study both have; links: where loci and traits have pages."""
    more_than = options.genes_hit_more_than
    gene_hits = queries.gene_hits(genes.genes, loci.hits)
    details = GeneDetails(gene_hits, genes.terms, loci.loci, links)
    return {
        "genes": hits.genes(gene_hits, more_than=more_than, details=details),
        "per_feature": hits.per_feature(loci.hits, trait_names, links),
        "per_lead": hits.per_lead(loci.hits, links),
        "gene_by_lead": hits.gene_by_lead(gene_hits, more_than=more_than, details=details),
        "network": network.network(genes, details),
        "enrichment": terms.enrichment(genes.terms, details.of_term),
    }


def _of_null(figure: Figure | None) -> Figure | None:
    if figure is None:
        return None
    return replace(figure, title=f"{figure.title}, with permuted participants", caption=f"The null study: {figure.caption}")


def _of_loci(contents: ReportContents) -> Figures:
    loci, sd_unit = contents.loci, contents.run.unit_of_beta
    limit, credible, hits_frame = loci.min_neglog10p, contents.tables.get(files.CREDIBLE), loci.hits.frame
    figures: Figures = {}
    for here in loci.regions:
        figures |= region.figures(here, limit, credible, hits_frame, sd_unit)
    for beats in loci.genotype_beats:
        figures[f"locus_{beats.locus}"] = genotype.ecg_by_genotype(beats, limit, f"locus_{beats.locus}")
        figures[f"locus_{beats.locus}_difference"] = genotype.difference(beats, f"locus_{beats.locus}_difference")
    for number in queries.locus_pages(loci):
        tests = queries.lead_tests(loci, number)
        if tests.height:
            lead = tests.row(0, named=True)
            picture = phewas.phewas(
                lead["variant"], lead["effect_allele"], tests, limit, sd_unit=sd_unit, linked=True, name=f"phewas_{number}"
            )
            figures[f"phewas_{number}"] = picture
    return figures


def _of_recordings(cohort: Cohort, representations: Sequence[RepresentationResults], min_people: int) -> Figures:
    figures: Figures = {}
    if cohort.example is not None:
        figures["strip"] = recordings.strip(cohort.example, representations)
        figures["steps"] = signals.steps(cohort.example, representations)
        figures["reconstruction"] = recordings.reconstruction(cohort.example, representations)
    for one in representations:
        figures[f"architecture_{one.name}"] = architecture.architecture(one)
        figures[f"signals_{one.name}"] = signals.several(one)
        figures[f"error_{one.name}"] = recordings.error_distribution(one)
        figures[f"training_{one.name}"] = recordings.training(one)
        figures[f"reliability_{one.name}"] = recordings.reliability(one)
        figures[f"agreement_{one.name}"] = agreement.agreement(one, min_people)
        for feature, moved in one.traversals.items():
            figures[feature_figure(one.name, feature)] = traversal.traversal(one.name, moved)
    return figures
