"""Pictures against counts made another way."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from lxml import etree

from ecgwas.report import ReportContents, ScanRows
from ecgwas.report.figures import associations, hits, miami, network, recordings, region, terms, traversal
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.thinning import PixelThinner, genome_of, thin
from ecgwas.report.queries import gene_hits, nearest_genes, traits_drawn
from ecgwas.study import ReportOptions
from ecgwas.study.presets import PRESETS
from ecgwas.tables import Associations, Clusters, Edges, Genes, Loci, Terms, files
from ecgwas.tables.loci import Hits
from tests.report.example import NETWORK, changed, make_contents, rows_of

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def contents() -> ReportContents:
    return make_contents(2)


def filled(contents: ReportContents, thinner: PixelThinner) -> PixelThinner:
    thin(contents.scan.rows, [thinner])
    return thinner


def hits_of_genes(contents: ReportContents) -> pl.DataFrame:
    return gene_hits(contents.genes.genes, contents.loci.hits)


def nearest(contents: ReportContents) -> dict[int, str]:
    return nearest_genes(contents.genes.genes, contents.loci.loci)


def numbers(csv: str) -> pl.DataFrame:
    return pl.read_csv(csv.encode(), schema_overrides={"chrom": pl.String}, infer_schema_length=None)


def test_repeatability_is_drawn_within_a_recording_and_between_visits(contents: ReportContents) -> None:
    both = contents.representations[1]
    drawn = recordings.reliability(both)
    assert drawn is not None
    assert (
        numbers(drawn.csv).select("lead", "feature", "r", "icc").equals(both.reliability.select("lead", "feature", "r", "icc"))
    )
    assert "two visits of 40 participants" in drawn.caption
    assert drawn.svg.count(d.VERMILION) == 12 + 1, "each lead, and the key"
    nobody = [
        pl.lit(None, dtype=both.reliability.schema[name]).alias(name) for name in ("icc", "icc_low", "icc_high", "people")
    ]
    once = recordings.reliability(replace(both, reliability=both.reliability.with_columns(nobody)))
    assert once is not None
    assert numbers(once.csv).columns == ["lead", "feature", "r"]
    assert "visits" not in once.svg
    strips = recordings.reliability(
        replace(both, reliability=both.reliability.with_columns(pl.lit(None).cast(pl.Float64).alias("r")))
    )
    assert strips is not None
    assert "odd" not in strips.svg
    assert recordings.reliability(replace(both, reliability=both.reliability.clear())) is None


def test_ticks_are_round_and_inside() -> None:
    assert d.Scale(0, 19.5, 0, 100).ticks(5) == [0, 5, 10, 15]
    assert d.Scale(-0.31, 0.22, 0, 100).ticks(5) == [-0.2, 0, 0.2]
    assert d.Scale(4, 4, 0, 100).ticks() == [4]


def test_scale_maps_ends_to_ends() -> None:
    scale = d.Scale(2, 6, 100, 20)
    assert (scale.at(2), scale.at(6), scale.at(4)) == (100, 20, 60)


def test_a_gap_breaks_the_curve_and_a_lone_point_is_no_curve() -> None:
    curve = d.polyline([0, 1, 2, 3, 4, 5], [1, 2, np.nan, 3, np.nan, 4], d.BLUE)
    assert curve.count("M") == 1
    assert "nan" not in curve.lower()


def test_words_cannot_become_markup() -> None:
    assert "<b>" not in d.text(0, 0, "<b>") + d.svg(1, 1, [], "<b>")
    etree.fromstring(d.svg(10, 10, [d.rect(0, 0, 1, 1, d.BLUE, title="a < b & c")], "a & b").encode())


def test_points_on_one_half_pixel_are_drawn_once() -> None:
    assert d.dots([1.0, 1.1, 5.0], [2.0, 2.1, 2.0], d.BLUE).count("M") == 2


def test_themed_pictures_keep_no_colour_of_the_palette(contents: ReportContents) -> None:
    figure = hits.genes(hits_of_genes(contents))
    assert figure is not None
    themed = d.themed(figure.svg)
    assert not [colour for colour in d.VARIABLES if colour in themed]
    assert 'aria-label="' in themed


def test_ink_contrasts_with_every_shade_by_wcag() -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    for colour in d.CIVIDIS:
        light, dark = sorted((luminance(colour), luminance(d.ink_on(colour))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, colour


def test_manhattan_holds_every_hit_at_its_place(contents: ReportContents) -> None:
    genome = genome_of(contents.scan.rows)
    trait = contents.loci.hits.frame["trait"][0]
    thinner = filled(contents, associations.thinner_of_traits(contents.scan, 8.4, [trait], genome))
    figure = associations.manhattan(trait, thinner, 3.0)
    drawn = numbers(figure.csv)
    expected = contents.loci.hits.frame.filter(pl.col("trait") == trait)
    beyond = drawn.filter(pl.col("neglog10p") > 8.4)
    assert sorted(beyond["variant"]) == sorted(expected["variant"])
    reds = etree.fromstring(figure.svg.encode()).xpath(f"//*[@stroke='{d.VERMILION}']/@d")
    assert sum(path.count("M") for path in reds) <= expected.height
    assert reds


def test_many_rows_below_the_threshold_cost_little(contents: ReportContents) -> None:
    rng = np.random.default_rng(1)
    count = 200_000
    crowd = pl.DataFrame({
        "trait": ["pca.12L.f01"] * count, "variant": [f"v{i}" for i in range(count)], "chrom": ["1"] * count,
        "pos": rng.integers(158_000_000, 162_000_000, count), "effect_allele": "A", "other_allele": "G", "eaf": 0.2, "n": 74,
        "beta": 0.0, "se": 1.0, "t": 0.0, "neglog10p": 3 + rng.exponential(0.43, count),
    })  # fmt: skip
    crowded = changed(contents, rows=ScanRows.of(Associations(pl.concat([rows_of(contents), Associations(crowd).frame]))))
    thinner = filled(crowded, associations.thinner_of_all(crowded.scan, 8.4, genome_of(crowded.scan.rows)))
    figure = associations.manhattan_of_all(thinner, crowded.scan, "permutation", crowded.loci.loci, {})
    assert figure is not None
    assert len(figure.svg) < 400_000
    beyond = numbers(figure.csv).filter(pl.col("neglog10p") > 8.4)
    wanted = rows_of(crowded).filter(pl.col("neglog10p") > 8.4).select("chrom", "pos", "variant").unique()
    assert beyond.height == wanted.height


def test_chromosomes_stand_in_order_without_overlap(contents: ReportContents) -> None:
    genome = genome_of(contents.scan.rows)
    assert list(genome.starts) == ["1", "2", "3", "6", "11", "X"]
    spans = rows_of(contents).group_by("chrom").agg(low=pl.col("pos").min(), high=pl.col("pos").max())
    ends = {chrom: (genome.starts[chrom] + low, genome.starts[chrom] + high) for chrom, low, high in spans.iter_rows()}
    placed = [ends[chrom] for chrom in genome.starts]
    assert all(before[1] < after[0] for before, after in itertools.pairwise(placed))
    assert placed[-1][1] <= genome.end


def test_variants_per_feature_and_lead_are_counted_once_each(contents: ReportContents) -> None:
    seen: dict[str, set[str]] = {}
    leads: dict[str, list[float]] = {}
    for row in contents.loci.hits.frame.iter_rows(named=True):
        representation, lead, feature = row["trait"].split(".")
        seen.setdefault(f"{representation}.{feature}", set()).add(row["variant"])
        leads.setdefault(lead, []).append(row["neglog10p"])
    per_feature, per_lead = hits.per_feature(contents.loci.hits, contents.scan.trait_names), hits.per_lead(contents.loci.hits)
    assert per_feature is not None
    assert per_lead is not None
    counted = dict(numbers(per_feature.csv).select("name", "variants").iter_rows())
    assert counted == {name: len(variants) for name, variants in seen.items()}
    means = numbers(per_lead.csv)["mean_neglog10p"].to_list()
    assert means == sorted(means, reverse=True)
    assert means[0] == pytest.approx(max(np.mean(values) for values in leads.values()))


def test_gene_bars_and_heatmap_agree(contents: ReportContents) -> None:
    bars, heat = hits.genes(hits_of_genes(contents)), hits.gene_by_lead(hits_of_genes(contents))
    assert bars is not None
    assert heat is not None
    totals = dict(numbers(bars.csv).select("gene", "variants").iter_rows())
    pairs = dict(numbers(bars.csv).select("gene", "pairs").iter_rows())
    lead_variants = dict(contents.genes.genes.frame.select("gene", "variant").iter_rows())
    counts = Counter(contents.loci.hits.frame["variant"])
    assert pairs == {gene: counts[variant] for gene, variant in lead_variants.items()}
    assert totals == dict.fromkeys(lead_variants, 1)
    assert max(pairs.values()) > 1
    cells = numbers(heat.csv)
    leads = {gene: {trait.split(".")[1] for trait in contents.loci.hits.frame.filter(variant=variant)["trait"]}
             for gene, variant in lead_variants.items()}  # fmt: skip
    assert {row["gene"]: {lead for lead in cells.columns[1:] if row[lead] == 1} for row in cells.iter_rows(named=True)} == leads


def with_genes(contents: ReportContents, variants: dict[str, int]) -> ReportContents:
    """Gene -> number of significant variants, each with all traits of feature f01 and f02 in V1 and II."""
    hit, gene = [], []
    for name, count in variants.items():
        for pos in range(count):
            place = {
                "variant": f"rs{name}{pos}",
                "chrom": "1",
                "pos": 1000 * len(gene) + 1,
                "effect_allele": "A",
                "other_allele": "C",
            }
            about = {"eaf": 0.2, "n": 100, "beta": 0.1, "se": 0.01, "t": 10.0, "neglog10p": 9.0}
            hit += [{"trait": f"ae.{lead}.f0{k}", **place, **about} for lead in ("V1", "II") for k in (1, 2)]
            gene.append({"locus": 1, **place, "gene": name, "rank": 1, "relation": "overlap", "source": "regions"})
    return changed(
        contents,
        hits=Hits.of_associations(Associations.of(hit)),
        genes=Genes(pl.concat([Genes.empty().frame, pl.DataFrame(gene)], how="diagonal")),
    )


def drawn_genes(picture: str) -> list[str]:
    """Words in italics: the names of the genes."""
    return [
        text.text for text in etree.fromstring(picture.encode()).findall(f".//{SVG}text") if text.get("font-style") == "italic"
    ]


@pytest.mark.parametrize(
    ("more_than", "drawn", "said"),
    [
        (0, ["TTN", "LPA", "NOS1", "ACE"], "all are drawn"),
        (8, ["TTN", "LPA"], "the 2 with more than 8 are drawn"),
        (9, ["TTN"], "the 1 with more than 9 are drawn"),
        (12, ["TTN", "LPA", "NOS1", "ACE"], "none has more than 12, all are drawn"),
    ],
)
def test_genes_hit_more_than_so_many_times_are_drawn(
    contents: ReportContents, more_than: int, drawn: list[str], said: str
) -> None:
    """Variants count once each, though each has four significant traits."""
    some = with_genes(contents, {"NOS1": 8, "TTN": 12, "ACE": 1, "LPA": 9})
    bars, heat = (
        hits.genes(hits_of_genes(some), more_than=more_than),
        hits.gene_by_lead(hits_of_genes(some), more_than=more_than),
    )
    assert bars is not None
    assert heat is not None
    assert drawn_genes(bars.svg) == drawn
    assert sorted(drawn_genes(heat.svg)) == sorted(drawn)
    assert said in bars.caption
    assert said in heat.caption
    assert numbers(bars.csv).select("gene", "variants", "pairs").rows() == [
        ("TTN", 12, 48),
        ("LPA", 9, 36),
        ("NOS1", 8, 32),
        ("ACE", 1, 4),
    ]


def test_every_trait_with_a_hit_has_its_manhattan_plot_where_the_study_says_so(contents: ReportContents) -> None:
    row = contents.loci.hits.frame.row(0, named=True)
    names = [f"ae.V1.f{k:03d}" for k in range(1, 91)]
    many = changed(contents, hits=Hits.of([row | {"trait": name} for name in names]))
    assert len(traits_drawn(ReportOptions(), many.loci.hits, many.scan.rows)) == 60
    published = ReportOptions.model_validate(PRESETS["published"]["report"])
    assert sorted(traits_drawn(published, many.loci.hits, many.scan.rows)) == names
    assert published.genes_hit_more_than == 8


def test_the_heatmap_has_genes_along_x_and_leads_along_y(contents: ReportContents) -> None:
    heat = hits.gene_by_lead(hits_of_genes(with_genes(contents, {"TTN": 12, "LPA": 9, "ACE": 1})))
    assert heat is not None
    root = etree.fromstring(heat.svg.encode())
    cells = {cell[0].text: (float(cell.get("x")), float(cell.get("y"))) for cell in root.findall(f".//{SVG}rect") if len(cell)}
    assert set(cells) == {f"{gene}, {lead}: {count} variant{'s' * (count > 1)}"
                          for gene, count in (("TTN", 12), ("LPA", 9), ("ACE", 1)) for lead in ("II", "V1")}  # fmt: skip
    assert cells["TTN, II: 12 variants"][0] == cells["TTN, V1: 12 variants"][0]
    assert cells["TTN, II: 12 variants"][1] < cells["TTN, V1: 12 variants"][1]
    assert len({x for x, _ in cells.values()}) == 3


def test_every_feature_with_a_hit_has_its_bar(contents: ReportContents) -> None:
    names = [f"ae.V1.f{k:02d}" for k in range(1, 65)]
    row = contents.loci.hits.associations.frame.row(0, named=True)
    many = Associations.of([row | {"trait": name} for name in names])
    figure = hits.per_feature(many, (*names, "ae.V1.f65", "ae.II.f66"))
    assert figure is not None
    assert all(f">ae.f{k:02d}<" in figure.svg for k in range(1, 65))
    assert "are drawn" not in figure.caption
    assert "2 further features have no significant variant" in figure.caption


def test_grid_tells_each_traits_strongest_test_and_lambda(contents: ReportContents) -> None:
    table = numbers(hits.grid(contents.scan, contents.loci)["ae"].csv)
    assert table.height == 72
    strongest = dict(contents.scan.qq.group_by("trait").agg(pl.col("observed").max()).iter_rows())
    assert all(value == pytest.approx(strongest[trait]) for trait, value in table.select("trait", "neglog10p").iter_rows())


def test_the_caption_of_a_grid_fits_every_colouring(contents: ReportContents) -> None:
    """Cells are coloured by p, λ or loci on the page: only the key says which."""
    for figure in hits.grid(contents.scan, contents.loci).values():
        assert "what the key below them names" in figure.caption
        assert not {"log10", "λ"} & set(figure.caption.replace("−log10", "log10").split())
        assert "strongest −log10 p, from 0 to" in figure.svg


def test_null_study_counts_the_shuffles_beyond(contents: ReportContents) -> None:
    figure = associations.permutations(contents.scan.permutation_max, 8.4, contents.loci.loci)
    assert figure is not None
    assert numbers(figure.csv)["permutations"].sum() == len(contents.scan.permutation_max)
    share = (contents.scan.permutation_max > 8.4).mean()
    assert f"{share:.1%} of them" in figure.caption


def test_network_draws_every_gene_once_inside_the_picture(contents: ReportContents) -> None:
    figure = network.network(contents.genes)
    assert figure is not None
    root = etree.fromstring(figure.svg.encode())
    circles = root.findall(f".//{SVG}circle")
    genes = {*contents.genes.edges.frame["gene_a"], *contents.genes.edges.frame["gene_b"]}
    assert len(circles) == len(genes) == len(NETWORK) - 1
    width, height = (float(value) for value in root.get("viewBox").split()[2:])
    places = np.array([[float(c.get("cx")), float(c.get("cy"))] for c in circles])
    assert (places > 0).all()
    assert (places < [width, height]).all()
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(len(places), 1)]
    assert apart.min() > 20, "two genes lie on each other"


def test_network_without_edges_is_no_picture(contents: ReportContents) -> None:
    assert network.network(replace(contents.genes, edges=Edges.empty())) is None
    assert network.clusters(replace(contents.genes, edges=Edges.empty(), clusters=Clusters.empty()), 9) == {}


def test_a_cluster_is_drawn_alone_with_its_own_genes_and_edges_only(contents: ReportContents) -> None:
    drawn = network.clusters(contents.genes, 12)
    members = contents.genes.clusters.frame.group_by("cluster").agg("gene", pl.len())
    expected = {f"cluster_{number}": set(genes) for number, genes, size in members.iter_rows() if size >= 3}
    assert set(drawn) == set(expected) == {"cluster_1", "cluster_2"}
    for name, figure in drawn.items():
        root = etree.fromstring(figure.svg.encode())
        linked = {circle.get("data-gene") for circle in root.iter(f"{SVG}circle")}
        pairs = {path.get("data-edge") for path in root.iter(f"{SVG}path")} - {None}
        table = pl.read_csv(figure.csv.encode())
        assert linked == expected[name] >= {*table["gene_a"], *table["gene_b"]}
        assert pairs == {f"{a} {b}" for a, b in table.select("gene_a", "gene_b").iter_rows()}
        assert set(table["cluster"]) == {int(name.removeprefix("cluster_"))}
        assert len({circle.get("fill") for circle in root.iter(f"{SVG}circle")}) == 1
    assert drawn["cluster_1"].title == "Cluster 1: cardiac conduction"
    assert set(network.clusters(contents.genes, 1)) == {"cluster_1"}
    assert network.clusters(contents.genes, 0) == {}


def test_a_cluster_of_the_service_without_an_edge_here_is_points(contents: ReportContents) -> None:
    (figure,) = network.clusters(replace(contents.genes, edges=Edges.empty()), 1).values()
    root = etree.fromstring(figure.svg.encode())
    assert len(list(root.iter(f"{SVG}circle"))) == contents.genes.clusters.frame.filter(pl.col("cluster") == 1).height
    assert "0 edges" in figure.caption


def test_genes_have_the_colour_of_their_cluster_in_the_table(contents: ReportContents) -> None:
    figure = network.network(contents.genes)
    assert figure is not None
    colours = dict(contents.genes.clusters.frame.select("gene", "colour").iter_rows())
    circles = list(etree.fromstring(figure.svg.encode()).iter(f"{SVG}circle"))
    assert {circle.get("data-gene"): circle.get("fill") for circle in circles} == {
        gene: colour for gene, colour in colours.items() if colour is not None
    }  # fmt: skip


def test_a_representation_of_strips_is_drawn_on_the_strip(contents: ReportContents) -> None:
    assert contents.cohort.example is not None
    rebuilt = contents.cohort.example.clean_uv * np.float32(0.5)
    strips = replace(contents.representations[1], name="of_strips", reconstruction=rebuilt)
    table = numbers(recordings.strip(contents.cohort.example, [strips]).csv)
    assert table.columns == ["lead", "time_s", "as_recorded_uv", "cleaned_uv", "of_strips_uv"]
    np.testing.assert_allclose(table["of_strips_uv"], table["cleaned_uv"] * 0.5, rtol=1e-5, atol=1e-3)
    assert recordings.reconstruction(contents.cohort.example, [strips]) is None


def test_error_distribution_counts_every_recording(contents: ReportContents) -> None:
    figure = recordings.error_distribution(contents.representations[1])
    assert figure is not None
    assert numbers(figure.csv)["count"].sum() == contents.representations[1].mse.height


def test_training_names_the_epoch_with_the_best_validation_loss(contents: ReportContents) -> None:
    representation = contents.representations[1]
    worse = representation.history.with_columns(
        validation_loss=pl.when(pl.col("epoch") == 7).then(0.01).otherwise(pl.col("validation_loss"))
    )
    figure = recordings.training(replace(representation, history=worse))
    assert figure is not None
    assert "0.01 in epoch 7 " in figure.caption
    assert "seconds" not in figure.csv


def test_one_epoch_and_a_flat_loss_can_be_drawn(contents: ReportContents) -> None:
    representation = contents.representations[1]
    one = representation.history.head(1).with_columns(train_loss=pl.lit(0.0), validation_loss=pl.lit(0.0))
    figure = recordings.training(replace(representation, history=one))
    assert figure is not None
    assert "nan" not in figure.svg.lower()


def test_a_moved_feature_is_drawn_to_the_scale_of_ecg_paper(contents: ReportContents) -> None:
    moved = contents.representations[0].traversals["f04"]
    figure = traversal.traversal("pca", moved)
    table = numbers(figure.csv)
    beat = table.filter(pl.col("lead") == "V2")
    assert beat["above_uv"].to_numpy() == pytest.approx(1.08 * beat["mean_uv"].to_numpy(), rel=1e-4)
    root = etree.fromstring(figure.svg.encode())
    curves = [path.get("d") for path in root.iter(f"{SVG}path") if path.get("stroke") == d.MUTED and "L" in path.get("d", "")]
    # 12 leads and the key; the span of V2's mean beat in millimetres of paper, 10 to the millivolt.
    heights = [np.ptp([float(pair.split(" ")[1]) for pair in re.split("[ML]", curve) if pair]) for curve in curves]
    expected = np.ptp(beat["mean_uv"].to_numpy()) / 1000 * 10 * traversal.MILLIMETRE
    assert min(abs(height - expected) for height in heights) < 0.2
    assert len(curves) == 13


def test_miami_holds_the_strongest_of_each_side(contents: ReportContents) -> None:
    thinners = miami.thinners(contents.scan, 8.4, genome_of(contents.scan.rows))
    thin(contents.scan.rows, thinners)
    figures = miami.miami(thinners)
    assert set(figures) == {"miami_pca_ae", "miami_pca_clinical"}
    table = numbers(figures["miami_pca_ae"].csv)
    for name in ("pca", "ae"):
        rows = rows_of(contents).filter(pl.col("trait").str.starts_with(f"{name}."))
        assert table.filter(pl.col("representation") == name)["neglog10p"].max() == rows["neglog10p"].max()
        best = rows.group_by("chrom", "pos", "variant").agg(pl.col("neglog10p").max())
        beyond = best.filter(pl.col("neglog10p") > 8.4).height
        assert table.filter(pl.col("representation") == name, pl.col("neglog10p") > 8.4).height == beyond


def test_terms_within_the_limits_are_dots_with_their_genes(contents: ReportContents) -> None:
    figure = terms.enrichment(contents.genes.terms)
    assert figure is not None
    root = etree.fromstring(figure.svg.encode())
    titles = [title.text or "" for title in root.iter(f"{SVG}title")]
    assert sum(title.startswith("GO:") for title in titles) == 2
    assert "2 of 3 terms are within the study's limits" in figure.caption
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert {"♥ cardiac conduction", "cardiovascular"} <= set(words)
    assert terms.enrichment(Terms.empty()) is None


def test_the_strongest_terms_are_dots_whatever_their_fdr(contents: ReportContents) -> None:
    first = contents.genes.terms.frame.row(1, named=True)
    rows = [
        first | {"term": f"GO:{k}", "description": f"term {k}", "strength": 0.3 + 0.01 * k, "fdr": 1e-4 * (k + 1)}
        for k in range(40)
    ]
    weak = first | {"term": "GO:99", "description": "weak heart", "strength": 0.21, "fdr": 9e-3, "cardiovascular": True}
    figure = terms.enrichment(Terms.of([*rows, weak]))
    assert figure is not None
    shown = pl.read_csv(figure.csv.encode())["description"].to_list()
    assert shown == [*(f"term {k}" for k in range(39, 15, -1)), "weak heart"]
    assert "41 of 41 terms" in figure.caption
    assert "25 are drawn" in figure.caption


def test_genes_with_like_hits_stand_together() -> None:
    counts = pl.DataFrame(
        [("A", "V1", 9), ("A", "V2", 1), ("B", "V6", 50), ("C", "V1", 90), ("C", "V2", 12), ("D", "V6", 2), ("D", "V5", 1)],
        schema=["gene", "lead", "variants"], orient="row",
    )  # fmt: skip
    order = hits._clustered(counts, ["A", "B", "C", "D"])
    assert abs(order.index("A") - order.index("C")) == 1
    assert abs(order.index("B") - order.index("D")) == 1


@pytest.mark.parametrize("name", ["rs1", "."])
def test_names_of_variants_join_no_pictures(contents: ReportContents, name: str) -> None:
    """With one name for all variants genes, counts and the diamond of each region are those of the named ones."""
    called = {"variant": pl.lit(name)}
    credible = contents.tables[files.CREDIBLE].with_columns(**called)
    here = contents.loci.regions[0]
    renamed = changed(
        contents,
        hits=Hits(contents.loci.hits.frame.with_columns(**called)),
        genes=Genes(contents.genes.genes.frame.with_columns(**called)),
        loci=Loci(contents.loci.loci.frame.with_columns(lead_variant=pl.lit(name))),
        tables={**contents.tables, files.CREDIBLE: credible},
    )
    assert nearest(renamed) == nearest(contents)
    plain, other = hits.genes(hits_of_genes(contents)), hits.genes(hits_of_genes(renamed))
    assert plain is not None
    assert other is not None
    assert other.csv == plain.csv
    labelled = replace(here, lead={**here.lead, "variant": name}, tests=here.tests.with_columns(**called))
    drawn = [region.region(here, 8.4, contents.tables[files.CREDIBLE]), region.region(labelled, 8.4, credible)]
    marks = [(one.svg.count("<polygon"), one.svg.count("fill='none' stroke=")) for one in drawn if one is not None]
    assert len(marks) == 2
    assert marks[0] == marks[1]
