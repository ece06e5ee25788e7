"""Checks of the source study's items against the files of a finished run."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from docs.published_code import Found
from lxml.html import document_fromstring
from safetensors.numpy import load_file

from ecgwas.ecg.clean import clean
from ecgwas.study import ResidualAutoencoder, Study
from ecgwas.tables import VARIANT_KEY


class Run:
    """A finished study's files."""

    def __init__(self, study: Study) -> None:
        self.study, self.results = study, study.results
        self.options = next(one for one in study.represent if isinstance(one, ResidualAutoencoder))
        self.folder = self.results / "represent" / self.options.name

    def csv(self, name: str) -> pl.DataFrame:
        """A table of results; text where a column has none but empty cells."""
        text = {"chrom": pl.String, "eid": pl.String, "trait": pl.String}
        return pl.read_csv(self.results / name, schema_overrides=text, infer_schema_length=None)

    @cached_property
    def features(self) -> pl.DataFrame:
        return pl.read_parquet(self.folder / "features.parquet")

    @cached_property
    def recordings(self) -> pl.DataFrame:
        return pl.read_parquet(self.results / "read" / "recordings.parquet")

    @cached_property
    def hits(self) -> pl.DataFrame:
        return self.csv("loci/hits.csv")

    @cached_property
    def snps(self) -> int:
        return self.hits.select(VARIANT_KEY).n_unique()

    @cached_property
    def page(self) -> str:
        return (self.results / "report" / "report.html").read_text()

    def figures(self, pattern: str) -> list[str]:
        """Names of the report's pictures."""
        return sorted(path.stem for path in (self.results / "report" / "figures").glob(f"{pattern}.svg"))

    def labels(self, name: str) -> list[str]:
        """Texts of a picture, in its order."""
        return re.findall(r"<text[^>]*>([^<]+)</text>", (self.results / "report" / "figures" / f"{name}.svg").read_text())

    def figure(self, name: str) -> pl.DataFrame:
        """The numbers of a picture."""
        return pl.read_csv(self.results / "report" / "figures" / f"{name}.csv", infer_schema_length=None)


Check = Callable[[Run], Found]


def recordings(run: Run) -> Found:
    kept = run.recordings.filter(pl.col("status") == "kept")
    leads = kept.filter(pl.col("lead") != "12L")["lead"].n_unique()
    value = f"{kept.height:,} files of {kept['eid'].n_unique():,} participants kept, {leads} leads, a file for each"
    return Found(value, leads == 12, "recordings.parquet")


def duplicates(run: Run) -> Found:
    rows = run.recordings.filter(pl.col("status") == "duplicate")
    others = rows.filter(pl.col("instance").str.starts_with("2")).height
    return Found(f"{rows.height} further files of a key not used, {others} of them 2_0", others == 0, "recordings.parquet")


def _strips(run: Run) -> list[Path]:
    """The cleaned recordings' files, without those of second visits."""
    files = sorted((run.results / "read" / "signals").rglob("strips*.npy"))
    return [path for path in files if "repeat" not in str(path.relative_to(run.results))]


def signals_saved(run: Run) -> Found:
    files = _strips(run)
    stored = np.load(files[0], mmap_mode="r")
    value = f"{len(files)} .npy file(s), {stored.shape[0]} participants x {stored.shape[1]} leads x {stored.shape[2]} samples"
    return Found(value, bool(files), "read/signals")


def cleaned(run: Run) -> Found:
    """The stored signal of the first kept file is the cleaned one: no slow wander is left."""
    files = _strips(run)
    stored = np.load(files[0], mmap_mode="r")[0, 0].astype(float)
    again = clean(run.study.read, stored)
    ratio = float(np.std(again - stored) / np.std(stored))
    return Found(f"cleaned again, the first signal changes by {ratio:.1%} of its SD", None, "read/signals")


def scaling(run: Run) -> Found:
    arrays = load_file(run.folder / "encoder" / "encoder.safetensors")
    mean, sd = arrays["scaling_mean"], arrays["scaling_sd"]
    value = f"one mean ({mean.item():.3g} µV) and one SD ({sd.item():.4g} µV)" if mean.size == 1 else f"{mean.size} means"
    return Found(value, mean.size == sd.size == 1, "encoder.safetensors")


def history(run: Run) -> Found:
    table = pl.read_csv(run.folder / "history.csv")
    best = int(np.argmin(table["validation_loss"].to_numpy())) + 1
    rate = table["learning_rate"][0]
    used, last = (load_file(run.folder / "encoder" / f"{name}.safetensors") for name in ("encoder", "last"))
    same = all(np.array_equal(used[f"network.{name}"], array) for name, array in last.items())
    value = f"{table.height} epochs trained, weights of epoch {best}, learning rate {rate:g}"
    restored = same == (best == table.height)
    how = "history.csv; encoder.safetensors and last.safetensors are the same if the best epoch is the last"
    return Found(value, rate == run.options.learning_rate and restored, how)


def limit(run: Run) -> Found:
    frame, most = run.features, run.options.max_mse
    names = [name for name in frame.columns if name not in ("eid", "lead", "mse")]
    measured = frame.filter(pl.col("mse").is_finite())
    beyond = (measured["mse"] > most) if most is not None else pl.Series([False] * measured.height)
    without = measured.select(pl.all_horizontal(pl.col(name).is_null() for name in names).alias("none"))["none"]
    value = f"limit {most}: {int(without.sum()):,} of {measured.height:,} signals without features, each beyond it"
    return Found(value, bool((without == beyond).all()), "features.parquet")


def share(run: Run) -> Found:
    mse = run.features["mse"].drop_nulls().drop_nans()
    kept, limit_here = int((mse <= 0.4).sum()), float((mse > 0.4).mean())
    value = f"{limit_here:.1%} of {len(mse):,} signals above 0.4; {kept:,} at or below; best MSE {float(mse.min()):.4f}"
    return Found(value, None, "features.parquet")


def test_loss(run: Run) -> Found:
    row = pl.read_csv(run.folder / "errors.csv").filter(pl.col("method") == "self").row(0, named=True)
    value = f"{row['loss']:.4g} (squared error {row['mse']:.4g})"
    return Found(value, None, "errors.csv")


def engine(run: Run) -> Found:
    logs = sorted(run.results.glob("scan/plink2/**/*.log"))
    if not logs:
        return Found("no PLINK log", False, "scan/plink2")
    first = logs[0].read_text().splitlines()[0]
    return Found(f"{first.split(' (')[0]}: {len(logs)} runs", first.startswith("PLINK v2"), "logs of scan/plink2")


def regression(run: Run) -> Found:
    logs = sorted(run.results.glob("scan/plink2/**/*.log"))
    text = logs[0].read_text() if logs else ""
    filters = [flag for flag in ("--maf", "--mac", "--geno", "--hwe") if flag in text]
    words = "linear regression (--glm)" if "--glm" in text else "no --glm"
    return Found(f"{words}; filters of variants: {', '.join(filters) or 'none'}", "--glm" in text and not filters, "PLINK logs")


PLINK = (
    "--chr {chrom} --keep traits.tsv --pheno traits.tsv --covar covariates.tsv --covar-variance-standardize --no-psam-pheno "
    "--nonfounders --input-missing-phenotype -99999 --glm hide-covar omit-ref log10 "
    "cols=chrom,pos,ref,alt,a1freq,nobs,beta,se,tz,p,err --out hand"
)


def plink_by_hand(run: Run) -> Found:
    """The first lead and chromosome of the scan once more, by PLINK on the tables of traits and covariates as they are."""
    lead = sorted(path for path in run.results.glob("scan/plink2/*/*") if path.is_dir())[0]
    traits = pl.read_parquet(run.results / "traits" / "traits.parquet")
    covariates = pl.read_parquet(run.results / "traits" / "covariates.parquet")
    names = [name for name in traits.columns if name.startswith(f"{lead.name}.")]
    people = (pl.col("eid").alias("#FID"), pl.col("eid").alias("IID"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = traits.select(*people, *(pl.col(one).fill_nan(None).alias(one.split(".")[-1]) for one in names))
        short.write_csv(folder / "traits.tsv", separator="\t", null_value="NA")
        covariates.select(*people, pl.exclude("eid")).write_csv(folder / "covariates.tsv", separator="\t")
        genotypes = ["--bfile", str(run.study.scan.genotypes.resolve())]
        command = ["plink2", *genotypes, *PLINK.format(chrom=lead.parent.name).split()]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        same = [(folder / f"hand.{path.name}").read_bytes() == path.read_bytes() for path in sorted(lead.glob("*.linear"))]
    value = f"{sum(same)} of {len(same)} files of {lead.name}, chromosome {lead.parent.name}"
    value = f"{value}, byte for byte as from PLINK run by hand"
    return Found(value, len(same) == len(names) and all(same), "PLINK 2, run on traits.parquet and covariates.parquet")


def per_feature_files(run: Run) -> Found:
    files = sorted(run.results.glob("scan/plink2/*/*/*.glm.linear"))
    keys = {(path.parent.parent.name, path.parent.name, path.name.split(".")[0]) for path in files}
    chromosomes, leads, features = ({key[k] for key in keys} for k in range(3))
    value = f"{len(files)} files: {len(chromosomes)} chromosomes x {len(leads)} leads x {len(features)} features"
    whole = len(files) == len(keys) == len(chromosomes) * len(leads) * len(features)
    return Found(
        value, whole and len(leads) == 12 and len(features) == run.options.features, "names of the files of scan/plink2"
    )


def by_chromosome(run: Run) -> Found:
    names = sorted((path.stem for path in (run.results / "scan").glob("*.parquet")), key=lambda name: (len(name), name))
    return Found(f"results of chromosomes {', '.join(names)}, each separately", "X" not in names, "scan/*.parquet")


def covariates(run: Run) -> Found:
    names = pl.read_parquet(run.results / "traits" / "covariates.parquet").columns
    components = [name for name in names if re.fullmatch(r"pc\d+", name)]
    dummies = [name for name in names if name.startswith("center")]
    value = f"age, sex, {len(components)} components, {len(dummies)} dummies of centres"
    return Found(value, {"age", "sex"} <= set(names) and bool(dummies), "covariates.parquet")


def no_missing(run: Run) -> Found:
    empty = 0
    for path in (run.results / "scan").glob("*.parquet"):
        frame = pl.read_parquet(path)
        empty += frame["neglog10p"].null_count() + int(frame["neglog10p"].is_nan().sum())
    return Found(f"{empty} rows without p; column neglog10p", empty == 0, "scan/*.parquet")


def threshold(run: Run) -> Found:
    row = run.csv("loci/thresholds.csv").filter(pl.col("kind") == "published").row(0, named=True)
    expected = 5e-8 / run.options.features
    value = f"5e-8 / {run.options.features} = {row['p']:.4g}, -log10 p > {row['neglog10p']:.3f}"
    return Found(value, abs(row["p"] / expected - 1) < 1e-9, "thresholds.csv")


def hits(run: Run) -> Found:
    there = [name for name in ("lead", "feature") if name in run.hits.columns]
    words = f"{run.hits.height} rows, one file, columns {', '.join(there) or 'without lead and feature'}"
    return Found(words, len(there) == 2, "hits.csv")


def headline(run: Run) -> Found:
    """The number of distinct SNPs is in the first paragraph of the page."""
    first = " ".join(one.text_content() for one in document_fromstring(run.page).xpath("//p[@class='lead']"))
    shown = re.search(rf"(?<![\d,]){run.snps:,} (distinct |different )?(significant )?(SNPs?|variants?)\b(?!.trait)", first)
    words = "the headline has no number of SNPs" if shown is None else f"headline: “{shown[0]}”"
    return Found(f"{run.snps:,} distinct SNPs, {run.hits.height:,} pairs; {words}", shown is not None, "hits.csv, report.html")


def manhattan(run: Run) -> Found:
    traits, drawn = set(run.hits["trait"]), {name.removeprefix("manhattan_") for name in run.figures("manhattan_*")}
    value = f"{len(traits)} traits with hits, {len(traits & drawn)} of them drawn"
    return Found(value, traits <= drawn, "hits.csv, figures")


def unique_genes(run: Run) -> Found:
    table = run.csv("genes/gene_counts.csv")
    return Found(f"{table.height} genes, each once", table["gene"].n_unique() == table.height, "gene_counts.csv")


def cluster_table(run: Run) -> Found:
    frame = run.csv("genes/clusters.csv")
    absent = [name for name in ("colour", "name") if name not in frame.columns]
    large = frame.filter(pl.col("size") >= 3).unique("cluster")
    unnamed = large["name"].null_count() if "name" in frame.columns else large.height
    value = f"{frame['cluster'].n_unique()} clusters, {large.height} of three genes or more, {unnamed} of these without a name"
    return Found(value + (f"; no column {', '.join(absent)}" if absent else ""), not absent and not unnamed, "clusters.csv")


def cluster_pictures(run: Run) -> Found:
    names = [*run.figures("cluster_*"), *run.figures("network_*")]
    whole = bool(run.figures("network"))
    value = f"network {'drawn' if whole else 'not drawn'}; {len(names)} pictures of single clusters"
    return Found(value, whole and bool(names), "figures")


def pictures(*names: str) -> Check:
    """Pictures that are there, by name or pattern."""

    def check(run: Run) -> Found:
        there = {name: run.figures(name) for name in names}
        absent = [name for name, found in there.items() if not found]
        drawn = ", ".join(found[0] for found in there.values() if found)
        value = f"{drawn or 'none'}" + (f"; not {', '.join(absent)}" if absent else "")
        return Found(value, not absent, "figures")

    return check


def heatmap(run: Run) -> Found:
    """Cells are counts of SNPs as gene_leads.csv has them, and genes are along X."""
    numbers, table = run.figure("gene_by_lead"), run.csv("genes/gene_leads.csv")
    expected = {(row["gene"], row["lead"]): row["variants"] for row in table.iter_rows(named=True)}
    first, rest = numbers.columns[0], numbers.columns[1:]
    if {"gene", "lead"} <= set(numbers.columns):
        count = next(name for name in rest if name not in ("gene", "lead"))
        cells = {(row["gene"], row["lead"]): row[count] for row in numbers.iter_rows(named=True)}
    else:
        turned = first == "lead"
        cells = {((name, row[first]) if turned else (row[first], name)): row[name]
                 for row in numbers.iter_rows(named=True) for name in rest}  # fmt: skip
    wrong = [key for key, count in cells.items() if (count or 0) != expected.get(key, 0)]
    svg = (run.results / "report" / "figures" / "gene_by_lead.svg").read_text()
    along_x = _is_along_x(svg, [gene for gene, _ in expected], [lead for _, lead in expected])
    value = f"{len(cells) - len(wrong)} of {len(cells)} cells are counts of SNPs; genes along {'X' if along_x else 'Y'}"
    return Found(value, not wrong and along_x, "gene_by_lead.csv, .svg, gene_leads.csv")


def _is_along_x(svg: str, genes: list[str], leads: list[str]) -> bool:
    """True where the leads' labels share one x: they are one below the other."""
    found = re.findall(r'<text[^>]*?\bx="([\d.]+)"[^>]*>([^<]+)</text>', svg)
    places = {x for x, text in found if text in set(leads)}
    return len(places) == 1 < len(set(leads)) or (len(set(leads)) == 1 and any(text in genes for _, text in found))


def gene_bars(run: Run) -> Found:
    """Genes with more SNPs than the limit, or the 30 with the most where there is none, ordered by SNPs."""
    expected = dict(run.csv("genes/gene_counts.csv").select("gene", "variants").iter_rows())
    more = getattr(run.study.report, "genes_hit_more_than", None)
    frame = run.figure("genes")
    counts = [row["variants"] for row in frame.iter_rows(named=True)]
    right = all(expected.get(row["gene"]) == row["variants"] for row in frame.iter_rows(named=True))
    by_snps = counts == sorted(counts, reverse=True)
    drawn = set(run.labels("genes")) & set(expected)
    beyond = {gene for gene, count in expected.items() if more is not None and count > more}
    words = "without a limit" if more is None else f"{len(beyond)} with more than {more} SNPs"
    value = f"{len(drawn)} genes drawn, {words}; ordered by {'SNPs' if by_snps else 'pairs of SNP and feature'}"
    return Found(
        value, right and by_snps and more is not None and (drawn == beyond or not beyond), "genes.svg, gene_counts.csv"
    )


def all_features(run: Run) -> Found:
    names = run.figure("per_feature")["name"].to_list()
    drawn = set(names) & set(run.labels("per_feature"))
    counts = dict(run.figure("per_feature").select("name", "variants").iter_rows())
    parts = pl.col("trait").str.splitn(".", 3).struct.rename_fields(["r", "l", "f"])
    hits = run.hits.with_columns(part=parts).unnest("part")
    expected = {f"{r}.{f}": group.select(VARIANT_KEY).n_unique() for (r, f), group in hits.group_by("r", "f")}
    value = (
        f"{len(drawn)} of {len(names)} features with hits drawn; the most SNPs: {max(counts, key=lambda name: counts[name])}"
    )
    most = max(counts.values(), default=0)
    return Found(f"{value} {most}", counts == expected and len(drawn) == len(names), "per_feature.svg, .csv, hits.csv")


def ten_leads(run: Run) -> Found:
    frame = run.figure("per_lead")
    drawn = [name for name in dict.fromkeys(run.labels("per_lead")) if name in set(frame["name"])]
    means = dict(frame.select("name", "mean_neglog10p").iter_rows())
    strongest = sorted(means, key=lambda name: -means[name])[:10]
    counts = dict(frame.select("name", "variants").iter_rows())
    first = strongest[0] if strongest else "none"
    value = f"{len(drawn)} leads of largest mean -log10 p; {first} first, {counts.get(first, 0)} SNPs"
    return Found(value, set(drawn) == set(strongest), "per_lead.svg, .csv")


def kept_table(run: Run) -> Found:
    path = run.folder / "kept.csv"
    if not path.exists():
        return Found("no table of signals by MSE", False, "represent/<name>/kept.csv")
    frame = pl.read_csv(path, schema_overrides={"eid": pl.String})
    absent = [name for name in ("mse", "file", "lead") if name not in frame.columns]
    value = f"{frame.height} signals, best {frame['mse'].min():.4g}, columns {', '.join(frame.columns)}"
    return Found(value, not absent and frame["mse"].is_sorted(), "represent/<name>/kept.csv")


def decoded(run: Run) -> Found:
    from ecgwas.represent import load
    from ecgwas.tables import Features

    encoder = load(run.options, run.folder / "encoder")
    first = run.features.filter(pl.col("eid") == run.features["eid"][0])
    microvolts = encoder.decode(Features(first))
    if microvolts is None:
        return Found("features cannot be decoded", False, "encoder, run")
    return Found(
        f"{microvolts.shape[1]} leads x {microvolts.shape[2]} samples in µV", microvolts.shape[2] == 5000, "encoder, run"
    )


def about(run: Run) -> str:
    """The run in a sentence."""
    from ecgwas import __version__

    people = run.features["eid"].n_unique()
    chromosomes = len(list((run.results / "scan").glob("*.parquet")))
    return f"{people} participants, {chromosomes} chromosomes, ecgwas {__version__}"


def of_file(path: Path) -> Run:
    """A run by its study file."""
    return Run(Study.read_file(path))


def read_kept(path: Path) -> dict[str, object]:
    """The results' side, as it was written."""
    return dict(json.loads(path.read_text())) if path.exists() else {}
