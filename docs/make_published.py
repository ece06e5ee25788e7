"""Writes docs/published.md: each item of the source study, what the code does, and what a small run gave.

python -m docs.make_published                       the code is checked again; the run's results stay as stored
python -m docs.make_published --run STUDY.yaml      a finished run is checked too, and stored in docs/published_run.json
python -m docs.make_published --small FOLDER        the same for a small run, which is made in FOLDER in about three minutes
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from docs import published_code as code
from docs import published_results as results
from docs.published_code import Found, columns, options
from polars.exceptions import ColumnNotFoundError
from torch import nn

from ecgwas import stages
from ecgwas.commands.init import write_study
from ecgwas.represent.neural.channels_last import BatchNorm
from ecgwas.simulate import simulate
from ecgwas.study import Study
from tests.represent.test_experiments import ROWS, network_of

HERE = Path(__file__).resolve().parent
KEPT = HERE / "published_run.json"

HEAD = """\
# The source study and `preset: published`

The study (BGU, final report, June 2025: "Deciphering the genomic landscape through ECG signal analysis: during rest"), item by
item: what it states, what runs here, and how that was verified. `python -m docs.make_published` writes this page: it parses
options, builds networks, runs functions, and reads the recordings of twenty simulated participants. With `--run STUDY.yaml` it
also reads the files of a finished run; with `--small FOLDER` it first makes the run below, of simulated participants with one
file per lead. {summary}

The run: {about}. Its differences from the preset: {changes}. The study's numbers are those of about 1,000 participants of UK
Biobank, the numbers here those of that run; a row marked “number” gives both for comparison.
"""

NOT_ASKED = ("no service could be queried where this page was made, for lack of internet: tested with answers of a local "
             "server; `ECGWAS_NETWORK=1 pytest tests/genes/test_live_services.py` queries the services themselves")  # fmt: skip
UNEXPLAINED = "not built yet"
"""The reason of a difference that no item explains."""

CHOICES = (
    (
        "recordings at another rate, longer or shorter than 10 s",
        "resampled to 500 Hz (below 200 Hz they are excluded and listed); "
        "longer: their first 10 s; shorter: excluded and listed, for the network has 5,000 inputs",
    ),
    ("second visits of a person who has a first", "never tested; read for each feature's repeatability (reliability.csv)"),
    ("soft or hard wavelet threshold", "soft"),
    ("estimate of the noise for VisuShrink", "median absolute deviation of the finest detail / 0.6745, each signal its own"),
    ("ends of the signal in the wavelet transform", "symmetric extension, PyWavelets' default"),
    ("band of the FFT filter (Table 1)", "0.5 to 40 Hz"),
    ("baseline before the FFT filter (Table 1)", "the same moving average is subtracted"),
    ("one network, or one for each lead", "one, trained on the signals of all leads"),
    ("signals that have features", "all, including those that the network was trained on"),
    ("slope of LeakyReLU below zero", "0.3, Keras' default"),
    ("initial weights", "Glorot uniform, biases of zero, as Keras"),
    ("batch normalisation", "momentum 0.99, epsilon 1e-3, as Keras"),
    ("Adam's other constants", "0.9, 0.999, epsilon 1e-8, as PyTorch; Keras has epsilon 1e-7"),
    ("smallest decrease of the loss that counts", "any; Keras has 1e-4 for the learning rate, and any for early stopping"),
    ("precision of the training", "32 bits; on a GPU products of TF32"),
    ("shares of the split", "80 % training, 10 % validation, 10 % test, by participant"),
    ("dropout in the decoder", "after each of the three upsampling blocks, not after the dense layer"),
    ("padding of an even kernel (row 1.3 and 1.4: 2)", "one sample more on the left than on the right; same output length"),
    ("padding of the convolutions of stride 2", "three zeros on each side; Keras' `same` has two before and three after"),
    ("shortcut of a residual block", "a 1x1 convolution of stride 2, without penalty"),
    ("what skips from encoder to decoder (rows 1.3 to 1.5)", "a block's map before it is halved, to the block of that length"),
    ("reconstruction limit of 0.4", "the chosen network (row 2.4) only; no limit in the other nine rows"),
    ("epochs in Table 1", "100"),
    ("batch, learning rate and patience of rows that do not state them", "32, 1e-3 and 10, as for the chosen network"),
    ("dropout in rows that state none", "none"),
    ("kernel of the last convolution", "that of the first block"),
    ("upsampling and convolution", "computed in polyphase form: the same numbers apart from rounding"),
    ("reference level of the centre", "the most frequent one"),
    ("participants who lack a covariate", "excluded and listed, as PLINK does"),
    ("features before the regression", "as they are, not transformed"),
    (
        "features that cannot be tested",
        "constant, equal to another, or measured in too few participants for the covariates: excluded and listed",
    ),
    (
        "PLINK's settings",
        "`--glm hide-covar omit-ref log10`, `--nonfounders`; the ALT allele is counted; covariates in their own units, "
        "with `--covar-variance-standardize` where PLINK refuses their scales",
    ),
    ("rows of the scan", "all in PLINK's own files; in results/scan/*.parquet those of -log10 p 3 or more, the others counted"),
    ("features that the threshold counts", "of the lead with most features tested: 32, unless one is excluded in all leads"),
    ("where HaploReg ends and g:SNPense begins", "500 significant SNPs"),
    ("gene of a SNP in HaploReg", "GENCODE's, at or nearest to the SNP itself; not those of SNPs in linkage disequilibrium"),
    (
        "gene of a SNP where gene files are available",
        "from the file instead of the two services: genes that overlap it, else the nearest within 1 Mb",
    ),
    ("STRING", "version 12.0, functional edges of a combined score of 0.4 or more, STRING's default"),
    ("background of the terms", "STRING's whole proteome; for a file of terms, the genes in it"),
    ("how many other terms", "the 20 of largest strength in each layer"),
    ("how often a gene is hit", "its distinct significant SNPs"),
    ("single clusters that are drawn", "the 12 largest of three genes or more"),
)
"""Where the study is silent: what was left open, and our choice."""


@dataclass(frozen=True)
class Item:
    """One row: number in the audit of the preset, what it is about, the study's value, checks, reason for a difference."""

    number: str
    what: str
    study: str
    code: code.Check | None = None
    run: results.Check | None = None
    reason: str = ""


def row_of(name: str, what: str) -> Item:
    """A row of the study's tables of experiments, as its file says."""

    def check(_: code.Code) -> Found:
        study, network = network_of(name)
        wrong = [key for key, value in ROWS[name].items() if getattr(network, key) != value]
        cleaned = study.read.denoise.kind == ("fourier" if name.startswith("table1") else "wavelet")
        value = f"{len(ROWS[name]) - len(wrong)} of {len(ROWS[name])} values" + (f"; not {', '.join(wrong)}" if wrong else "")
        return Found(f"{value}; {study.read.denoise.kind}", not wrong and cleaned, f"examples/experiments/{name}.yaml, parsed")

    number = 97 + list(ROWS).index(name)
    return Item(str(number), f"row {name[5]}.{name[-1]}", what, check)


SECTIONS: dict[str, tuple[Item, ...]] = {
    "Using it": (
        Item("1, 2", "the chain, from a folder of inputs", "the whole study", code.init_preset, None),
        Item("2a", "one option changed", "-", code.one_option),
        Item("2a", "lines that depart from the chain", "-", code.leaving_lines),
        Item("3", "ends with genes, clusters, terms", "STRING clusters and a table of terms", code.gene_sources,
             results.pictures("network", "genes")),
    ),
    "1 Signals": (
        Item("4, 5", "files", "XML, one per participant and lead; key from the file's name", code.file_names,
             results.recordings),
        Item("6, 7", "two recordings of a key", "2_0 kept, 3_0 dropped, key by key", code.key_by_key, results.duplicates),
        Item("8", "baseline", "moving average, uniform, reflect, 0.5 s (250 samples), subtracted", code.baseline,
             results.cleaned),
        Item("9", "order", "baseline first, then denoising", code.order),
        Item("10-13", "denoising", "wavelet transform, Daubechies-4, four levels, VisuShrink, inverse", code.wavelet),
        Item("14", "NaN, Inf", "after preprocessing, the signal is excluded, not the participant", code.bad_signal),
        Item("15", "other rules of quality", "none", code.no_other_rule),
        Item("15", "limits of quality", "none",
             options({"read.quality.max_flat_s": None, "read.quality.max_saturated": None,
                      "read.quality.max_amplitude_uv": None, "read.quality.min_amplitude_uv": None,
                      "read.quality.min_leads": None, "read.beats.min_beats": None})),
        Item("16", "valid signals saved", "as .npy", None, results.signals_saved,
             "an array for each 2,000 participants instead of a file for each signal: the same numbers, read faster"),
        Item("17", "alternative cleaning", "FFT filter",
             lambda _: Found(f"Table 1: {network_of('table1_row1')[0].read.denoise.kind}",
                             network_of("table1_row1")[0].read.denoise.kind == "fourier", "table1_row1.yaml, parsed")),
    ),
    "2 Network": (
        Item("18, 35", "input and output", "5000 samples of one lead; the input's length", code.shapes),
        Item("19, 20, 25, 26", "encoder", "three residual blocks of two Conv1D, kernel 7, stride 2, channels 32, 64, 128",
             code.encoder_blocks),
        Item("21", "L2", "1e-4 on the convolutions of the blocks", code.penalised),
        Item("22, 32", "batch normalisation", "in every block", code.layers(BatchNorm, 6, 3)),
        Item("23, 32", "LeakyReLU", "in every block", code.layers(nn.LeakyReLU, 6, 3)),
        Item("24", "dropout, encoder", "0.2 after each block", code.dropouts("encoder")),
        Item("31", "dropout, decoder", "0.2 after each block", code.dropouts("decoder")),
        Item("27", "residual connections", "added; encoder only", code.residual),
        Item("28-30", "flatten, dense", "to 32; back to the encoder's last map, LeakyReLU", code.dense),
        Item("32, 33", "decoder", "three times UpSampling1D, Conv1D 7, batch norm, LeakyReLU; channels 128, 64, 32",
             code.upsampling),
        Item("34", "last layer", "Conv1D, linear", code.last_layer),
        Item("36", "reconstruction in µV", "length, scale of the input", None, results.decoded),
        Item("121", "figure of the architecture", "dimensions at every step", None, results.pictures("architecture_*")),
    ),
    "3 Training": (
        Item("37, 38", "normalisation", "mean and SD of all training signals, applied to validation as well",
             options({"ae.normalisation": "global"}), results.scaling),
        Item("39, 40, 45", "optimiser", "Adam, 1e-3, batch 32", options({"ae.learning_rate": 1e-3, "ae.batch": 32}),
             results.history),
        Item("39, 41", "loss", "MSE; a validation loss contains the L2 penalty", code.validation_loss),
        Item("41, 42, 44", "early stop", "patience 10, best weights restored, at most 100 epochs", code.stopping),
        Item("43", "learning rate on a plateau", "halved after 5 epochs", code.halving),
        Item("-", "Keras' conventions", "slope 0.3; Glorot weights; momentum 0.99, epsilon 1e-3",
             options({"ae.leaky_slope": 0.3, "ae.initial_weights": "keras", "ae.batch_norm_momentum": 0.99,
                      "ae.batch_norm_epsilon": 1e-3, "ae.stop_by": "loss"})),
        Item("46", "split", "validation and test data; shares not stated", code.split),
        Item("47", "reconstruction limit", "signals with MSE above 0.4 are excluded, lead by lead",
             options({"ae.max_mse": 0.4}), results.limit),
        Item("48", "share excluded; best MSE", "about 3 %; 10,783 signals remained, best MSE 0.0012", None, results.share),
        Item("49", "test loss", "1.28", None, results.test_loss),
    ),
    "4 Association": (
        Item("50, 53", "program", "PLINK 2.0, binary PLINK files", options({"scan.kind": "plink2"}), results.engine),
        Item("51", "cluster", "SLURM job array", code.job_array, None,
             "tested on a SLURM of two nodes (`pytest -m slurm`), not on a large cluster"),
        Item("54, 55", "chromosomes", "autosomes 1 to 22, each separately", code.autosomes, results.by_chromosome),
        Item("56", "filters of variants", "none",
             options({"scan.min_maf": 0.0, "scan.min_mac": 0.0, "scan.min_call_rate": 0.0, "scan.min_hwe_p": 0.0,
                      "scan.min_info": 0.0, "scan.variants": None})),
        Item("57-60", "covariates", "age, genetic sex, first 10 components, centres as dummies (11001 to 11021)",
             options({"traits.min_level_people": 1, "traits.transform": "none", "traits.components": 0}), results.covariates),
        Item("58", "components", "first 10", options({"traits.max_components": 10})),
        Item("58", "a table of more components", "first 10", code.ten_components),
        Item("61", "model", "linear regression", options({"scan.kind": "plink2"}), results.regression),
        Item("61", "PLINK by hand", "-", None, results.plink_by_hand),
        Item("62", "traits", "32 features of each of 12 leads", options({"traits.min_people": 1, "traits.min_share": 0.0,
                                                                       "traits.max_same": 1.0})),
        Item("63", "people", "missing phenotypes excluded; no other rule",
             options({"traits.guards.min_call_rate": None, "traits.guards.check_sex": False, "traits.guards.max_kinship": None,
                      "traits.guards.max_component_sd": None, "traits.guards.max_heterozygosity_sd": None})),
        Item("52, 64", "results", "a file per lead, chromosome and feature", None, results.per_feature_files),
        Item("65, 66", "missing p; -log10 p", "filtered; as a column", None, results.no_missing),
        Item("67", "threshold", "5e-8 / 32 = 1.56e-9, -log10 p > 8.8", options({"loci.threshold": "published"}),
             results.threshold),
        Item("68", "Manhattan plots", "one for each feature with a hit", options({"report.max_traits": None}),
             results.manhattan),
        Item("69", "significant SNPs", "all in one CSV", columns("Hits", "trait", "lead", "feature", "neglog10p"),
             results.hits),
        Item("70", "their number", "5,528 significant SNPs", None, results.headline),
    ),
    "5 Genes": (
        Item("71-73", "SNP to gene", "HaploReg where hits are few, g:Profiler where they are many", code.by_number_of_hits,
             None, NOT_ASKED),
        Item("74, 77", "network", "STRING, Homo sapiens", code.gene_sources, None,
             f"in the run from a file of edges; {NOT_ASKED}"),
        Item("75, 76", "clusters", "MCL at inflation 2.0; 338 clusters", code.network_options, results.cluster_table),
        Item("75", "MCL", "Markov clustering", code.clusters),
        Item("78", "genes", "2,000 unique genes", None, results.unique_genes),
        Item("120", "table of clusters", "colour, cluster id, gene count, description",
             columns("Clusters", "cluster", "size", "name", "colour"), results.cluster_table),
        Item("79", "layers of terms", "Tissue Expression, Human Phenotype, Molecular Function",
             lambda _: Found(", ".join(_categories()), {"Tissue expression (TISSUES)", "Human Phenotype (Monarch)"} <= set(
                 _categories()) and any("Molecular Function" in name for name in _categories()), "defaults of `enrichment`")),
        Item("80, 81", "limits", "FDR < 0.01, strength > 0.2", code.term_limits),
        Item("82", "terms of heart and vessels", "all taken; the 15 that the study files as cardiovascular", code.heart_terms),
        Item("83", "other terms", "those of largest strength", code.strongest),
        Item("84", "table of terms", "term, category, strength, FDR",
             columns("Terms", "term", "category", "strength", "fdr")),
        Item("85", "categories", "Cardiovascular, Metabolic, Immune, Neurological", code.other_groups),
        Item("85", "column of the category", "in the table", columns("Terms", "group")),
        Item("95", "words on clusters and genes", "text of their biology", None, None,
             "written by the study's authors; clusters are named here after their terms, and no text is generated"),
        Item("96", "comparison with what is known", "GWAS Catalog, PubMed",
             columns("Published", "trait", "pubmed_id", "cardiovascular"), None,
             f"not part of the preset; `ecgwas init` writes it where the Catalog's file is in references/; {NOT_ASKED}"),
    ),
    "6 Figures and tables": (
        Item("86", "genes by hits", "those hit more than 8 times (TTN 35, DNAH7 22)",
             options({"report.genes_hit_more_than": 8}), results.gene_bars),
        Item("87, 88", "SNPs per feature", "bars (feature 18: 308) next to violins of -log10 p", None, results.all_features),
        Item("89-91", "SNPs per lead", "the ten leads of largest mean -log10 p (V1: over 1,000)", None, results.ten_leads),
        Item("92, 93", "heatmap", "genes along X, leads along Y; SNPs of that gene and lead (LPA and V1: 16)", None,
             results.heatmap),
        Item("94, 119", "STRING network", "as a whole, and single clusters", None, results.cluster_pictures),
        Item("113", "reconstruction next to the signal", "several signals", None, results.pictures("signals_*")),
        Item("114", "one signal, step by step", "raw, baseline, denoised, reconstructed", None, results.pictures("steps")),
        Item("115", "distribution of MSE", "over all signals, with the limit", None, results.pictures("error_*")),
        Item("116", "table of signals", "mse, file id, lead; MSE < 0.4, best first",
             columns("SignalErrors", "mse", "file", "lead"), results.kept_table),
        Item("117", "Manhattan, further example", "one", None, results.pictures("manhattan_*")),
        Item("118", "table of SNP to gene", "g:Profiler's", columns("Genes", "variant", "gene")),
        Item("122", "figure of the wavelet transform", "as background", None, None,
             "an illustration of the method, not a result; docs/read.md describes what it does to the signal"),
    ),
    "7 Experiments": (
        row_of("table1_row1", "200, no skip, ReLU, 6 x pool, 7,7,5,5,3,3, 32,32,16,16,8,4"),
        row_of("table1_row2", "100, no skip, tanh, 4 x pool, 7,5,3,3, 32,16,8,4"),
        row_of("table1_row3", "100, encoder to decoder, add, LeakyReLU, 5 x pool, 9,7,5,3,2, 32,16,8,4,2"),
        row_of("table1_row4", "48, encoder to decoder, add, LeakyReLU, 5 x pool, 9,7,5,3,2, 32,16,8,4,2"),
        row_of("table1_row5", "24, encoder to decoder, add, tanh, 4 x pool, 9,7,5,3, 32,16,8,4"),
        row_of("table2_row1", "32, none, add, both apart, 3 residual, 7,7,7, 32,64,128, 100 epochs; loss 1560"),
        row_of("table2_row2", "32, per signal, add, both apart, 3 residual, 7,7,7, 32,64,128, 100 epochs; loss 0.187"),
        row_of("table2_row3", "64, per signal, concat, both apart, 5 x pool, 9,7,5,3,3, 32,16,8,4,2, 45 epochs; loss 0.51"),
        row_of("table2_row4", "32, global, add, encoder only, 3 residual, dropout 0.2, 7,7,7, 32,64,128, 100; loss 1.28"),
        row_of("table2_row5", "32, none, add, both apart, 3 residual, dropout 0.2, 7,7,7, 32,64,128; loss 1909"),
        Item("107-109", "phase 1", "L2 0.001, no normalisation; tanh, ReLU and LeakyReLU",
             lambda _: _phase_1()),
        Item("110, 111", "phase 2", "normalisation global, per signal, none; skips added or concatenated, each half apart",
             lambda _: _phase_2()),
        Item("112", "tables with results", "settings, epochs and test loss of each row",
             lambda _: _compared()),
    ),
}  # fmt: skip


def _categories() -> list[str]:
    from ecgwas.study import Enrichment

    return list(Enrichment.model_fields["categories"].get_default(call_default_factory=True) or ())


def _phase_1() -> Found:
    networks = [network_of(f"table1_row{number}")[1] for number in range(1, 6)]
    settings = {(network.l2, network.normalisation) for network in networks}
    tried = sorted({network.activation for network in networks})
    value = f"L2 and normalisation: {sorted(settings)}; activations {', '.join(tried)}"
    return Found(value, settings == {(1e-3, "none")} and tried == ["leaky_relu", "relu", "tanh"], "table1_row*.yaml, parsed")


def _phase_2() -> Found:
    networks = [network_of(f"table2_row{number}")[1] for number in range(1, 6)]
    scaled, merged, places = (sorted({getattr(one, name) for one in networks}) for name in
                              ("normalisation", "skip_merge", "skip"))  # fmt: skip
    holds = (scaled, merged) == (["global", "none", "per_signal"], ["add", "concatenate"])
    return Found("; ".join(", ".join(some) for some in (scaled, merged, places)), holds, "table2_row*.yaml, parsed")


def _compared() -> Found:
    from ecgwas.commands import compare
    from ecgwas.commands.cli import main

    columns_of = [name for name in ("features", "skip", "activation", "blocks", "kernels", "channels", "epochs", "test_loss")
                  if name in compare.SETTINGS]  # fmt: skip
    several = any(argument.nargs == -1 for argument in main.commands["compare"].params)
    return Found(f"`ecgwas compare STUDY ...`, columns {', '.join(columns_of)}", several and len(columns_of) == 8, "command")


def of_run(path: Path) -> dict[str, Any]:
    """What the results' side says, to be kept: the run, its differences from the preset, and each item's finding."""
    run = results.of_file(path)
    items = [item for section in SECTIONS.values() for item in section if item.run is not None]
    found = {f"{item.number} {item.what}": asdict(_looked(item, run)) for item in items}
    return {"about": results.about(run), "changes": _changes(run.study), "found": found}


def _looked(item: Item, run: results.Run) -> Found:
    """What a check saw; a file or column that is not there is a difference, and said."""
    assert item.run is not None
    try:
        return item.run(run)
    except (FileNotFoundError, ColumnNotFoundError) as error:
        return Found(f"not there: {str(error).splitlines()[0]}".replace(str(run.results), "results"), False, "files of the run")


def _changes(study: Study) -> str:
    ours, preset = (one.model_dump(mode="json") for one in (study, code.Code().study))
    changed = []
    for section in ("read", "represent", "traits", "scan", "loci", "report"):
        first, second = (one[section][0] if section == "represent" else one[section] for one in (ours, preset))
        inputs = ("recordings", "covariates", "genotypes", "title")
        changed += [f"`{section}.{name}: {value}`" for name, value in first.items()
                    if name not in inputs and value != second.get(name)]  # fmt: skip
    return ", ".join(changed) or "none"


def rows(looked_at: code.Code, kept: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    """The rows of each section: item, the study's value, value here, how it was looked at, outcome."""
    return {name: [_row(item, looked_at, kept) for item in section] for name, section in SECTIONS.items()}


def _row(item: Item, looked_at: code.Code, kept: dict[str, Any]) -> dict[str, str]:
    found = [item.code(looked_at)] if item.code is not None else []
    stored = kept.get("found", {}).get(f"{item.number} {item.what}")
    found += [Found(**stored)] if stored is not None and item.run is not None else []
    outcomes = [one.holds for one in found if one.holds is not None]
    if outcomes:
        outcome = "holds" if all(outcomes) else "differs"
    else:
        outcome = "number" if found else "not included" if item.run is None else "no run"
    reason = item.reason or (UNEXPLAINED if outcome == "differs" else "")
    return {
        "item": f"{item.number}", "what": item.what, "the study": item.study,
        "here": "; ".join(one.value for one in found) or "-", "verified": "; ".join(one.how for one in found) or "-",
        "outcome": outcome + (f": {reason}" if reason else ""),
    }  # fmt: skip


def published_page(kept: dict[str, Any] | None = None) -> str:
    """Markdown: a table for each section, then what the study leaves open."""
    kept = results.read_kept(KEPT) if kept is None else kept
    made = rows(code.Code(), kept)
    outcomes = [row["outcome"].split(":")[0] for section in made.values() for row in section]
    counts = ", ".join(f"{outcomes.count(name)} {words}" for name, words in (
        ("holds", "rows hold"), ("differs", "differ"), ("number", "are numbers"), ("no run", "need a run"),
        ("not included", "are not included"))
        if outcomes.count(name))  # fmt: skip
    lines = [HEAD.format(summary=f"Of {len(outcomes)} rows: {counts}.", about=kept.get("about", "none yet"),
                         changes=kept.get("changes", "-"))]  # fmt: skip
    for section, its_rows in made.items():
        heads = ("item", "what", "the study", "here", "verified", "outcome")
        lines += [f"## {section}", "", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
        lines += [
            "| " + " | ".join(row[head].replace("|", "\\|").replace("\n", " ") for head in heads) + " |" for row in its_rows
        ]
        lines.append("")
    lines += ["## Choices where the study is silent", "", "| not stated | here |", "|---|---|"]
    lines += [f"| {what} | {choice} |" for what, choice in CHOICES]
    return "\n".join(lines) + "\n"


SMALL = """\
represent: [{kind: residual_autoencoder, channels: [4, 4, 4], epochs: 1, max_mse: 3}]
loci: {threshold: 1.0e-4}
"""
"""Lines below those that init writes: a network that trains in seconds, and a threshold that so few people reach."""


def small(folder: Path) -> Path:
    """Simulated people, one file per lead, through the preset: the study file of the finished run."""
    simulate(folder, people=60, seed=1, layout="per_lead", variants_per_chromosome=600)
    path = write_study(folder, preset="published")
    path.write_text(path.read_text() + SMALL)
    stages.run(Study.read_file(path))
    return path


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--run", type=Path, help="study file of a finished run")
    ask.add_argument("--small", type=Path, help="folder, in which a small run is made")
    given = ask.parse_args()
    study_file = given.run if given.small is None else small(given.small)
    if study_file is not None:
        KEPT.write_text(json.dumps(of_run(study_file), indent=1, ensure_ascii=False) + "\n")
    (HERE / "published.md").write_text(published_page())


if __name__ == "__main__":
    main()
