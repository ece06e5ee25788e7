"""Checks of the source study's items against the code: options as parsed, networks as built, functions as they compute."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pywt
import torch
import yaml
from click.testing import CliRunner
from scipy.ndimage import uniform_filter1d
from torch import nn

from ecgwas import stages, tables
from ecgwas.commands.cli import main as command_line
from ecgwas.ecg.clean import clean, remove_baseline, remove_noise
from ecgwas.genes import summaries
from ecgwas.genes.network import mcl
from ecgwas.represent.inputs import split_participants
from ecgwas.represent.neural.channels_last import Dropout
from ecgwas.represent.neural.network import Autoencoder, DecoderBlock, convolution_weights, doubled
from ecgwas.represent.neural.training import TrainingPlan, finished, learning_rate
from ecgwas.represent.residual_autoencoder import SPEC
from ecgwas.simulate import simulate
from ecgwas.study import Haploreg, ResidualAutoencoder, Study
from ecgwas.tables import genes, loci
from ecgwas.tables import recordings as recording_tables
from ecgwas.traits import covariates as covariate_tables

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENTS = ROOT / "examples" / "experiments"
LIKE_STUDY = "name: s\npreset: published\nread: {recordings: ecg}\ntraits: {covariates: c.tsv}\nscan: {genotypes: g}\n"
ABSENT = "no such option"


@dataclass(frozen=True)
class Found:
    """What a check saw, in words; whether it is as in the study (None: a number to compare with it); how it was verified."""

    value: str
    holds: bool | None
    how: str


def parsed(text: str) -> Study:
    """A study of that text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        path.write_text(text)
        return Study.read_file(path)


class Code:
    """What the checks look at; each thing is made once."""

    @cached_property
    def study(self) -> Study:
        """A study file that names its inputs and the preset, and nothing else."""
        return parsed(LIKE_STUDY)

    @cached_property
    def options(self) -> ResidualAutoencoder:
        """Of the preset's network."""
        (options,) = self.study.represent
        assert isinstance(options, ResidualAutoencoder)
        return options

    @cached_property
    def network(self) -> Autoencoder:
        """The preset's network on one lead of 5000 samples."""
        torch.manual_seed(1)
        return Autoencoder(self.options, 1, 5000)

    @cached_property
    def folder(self) -> Path:
        """Twenty simulated people, one file per lead, four of them spoiled; study file by `ecgwas init --preset published`."""
        self._kept = tempfile.TemporaryDirectory()
        folder = Path(self._kept.name) / "cohort"
        cohort = simulate(folder, people=20, seed=1, layout="per_lead", variants_per_chromosome=20)
        self.eids = list(cohort.eids[:4])
        self.init = CliRunner().invoke(command_line, ["init", str(folder), "--preset", "published"])
        if self.init.exit_code != 0:
            text = yaml.safe_load(LIKE_STUDY) | {"scan": {"genotypes": "genotypes/cohort"}}
            text["traits"] = {"covariates": "covariates.tsv"}
            (folder / "study.yaml").write_text(yaml.safe_dump(text))
        return folder

    @cached_property
    def started(self) -> Study:
        """The study that `ecgwas init --preset published` starts."""
        return Study.read_file(self.folder / "study.yaml")

    @cached_property
    def without_files(self) -> Study:
        """The study that `ecgwas init --preset published` starts where no files of genes are there."""
        folder = self.folder.with_name("without")
        (folder / "ecg").mkdir(parents=True)
        shutil.copytree(self.folder / "genotypes", folder / "genotypes")
        shutil.copy(self.folder / "covariates.tsv", folder)
        CliRunner().invoke(command_line, ["init", str(folder), "--preset", "published"])
        path = folder / "study.yaml"
        return Study.read_file(path) if path.exists() else self.study

    @cached_property
    def recordings(self) -> pl.DataFrame:
        """recordings.parquet of these people: one lacks V3, one is flat in V1, one has V6 only as 3_0, one has a NaN in aVF."""
        ecg = self.folder / "ecg"
        missing, flat, other_visit, not_a_number = self.eids
        for eid in self.eids:
            for path in ecg.glob(f"{eid}_*_3_0.xml"):
                path.unlink()
        (ecg / f"{missing}_V3_20205_2_0.xml").unlink()
        (ecg / f"{other_visit}_V6_20205_2_0.xml").rename(ecg / f"{other_visit}_V6_20205_3_0.xml")
        _rewrite(ecg / f"{flat}_V1_20205_2_0.xml", lambda values: ["7"] * len(values))
        _rewrite(ecg / f"{not_a_number}_aVF_20205_2_0.xml", lambda values: [*values[:100], "NaN", *values[101:]])
        stages.run(self.started, until="read")
        return pl.read_parquet(self.started.results / "read" / "recordings.parquet")

    def kept(self, place: int) -> set[str]:
        """Leads of one of the four that were kept."""
        of_person = (pl.col("eid") == self._eid(place)) & (pl.col("status") == "kept")
        return set(self.recordings.filter(of_person)["lead"])

    def _eid(self, place: int) -> str:
        assert self.folder
        return self.eids[place]


def _rewrite(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    text = path.read_text("latin-1")
    body = re.search(r'(<WaveformData lead="\w+">)(.*?)(</WaveformData>)', text, re.DOTALL)
    assert body is not None
    values = [value for value in re.split(r"[\s,]+", body[2]) if value]
    path.write_text(text[: body.start(2)] + ",".join(change(values)) + text[body.end(2) :], "latin-1")


Check = Callable[[Code], Found]


def options(expected: Mapping[str, Any]) -> Check:
    """Options of the preset, dotted; `ae.` those of its network."""

    def check(code: Code) -> Found:
        seen = {name: _option(code, name) for name in expected}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in seen.items()}
        words = ", ".join(f"`{name.removeprefix('ae.')}: {_words(value)}`" for name, value in plain.items())
        return Found(words, plain == dict(expected), "options of the preset, parsed")

    return check


def _words(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _option(code: Code, name: str) -> Any:
    first, *rest = name.split(".")
    value: Any = code.options if first == "ae" else getattr(code.study, first, ABSENT)
    for part in rest:
        value = getattr(value, part, ABSENT)
    return value


def columns(table: str, *names: str) -> Check:
    """Columns of a declared table."""

    def check(code: Code) -> Found:
        rooms = (tables, loci, genes, recording_tables)
        found = next((getattr(room, table) for room in rooms if hasattr(room, table)), None)
        there = [] if found is None else [name for name in names if name in found.columns]
        absent = [name for name in names if name not in there]
        words = f"no table {table}" if found is None else f"columns {', '.join(there) or 'other ones'}"
        return Found(words + (f"; not {', '.join(absent)}" if absent else ""), not absent, f"columns of table {table}")

    return check


def init_preset(code: Code) -> Found:
    study = code.started
    if code.init.exit_code:
        return Found("`ecgwas init` has no `--preset`", False, "`ecgwas init FOLDER --preset published`")
    inputs = {"read": ("recordings",), "traits": ("covariates",), "scan": ("genotypes",), "report": ("title",)}
    same = (study.represent, study.loci) == (code.study.represent, code.study.loci)
    for name, own in inputs.items():
        preset = getattr(code.study, name)
        same = same and getattr(study, name).model_copy(update={key: getattr(preset, key) for key in own}) == preset
    value = f"study file whose parsed options are the preset's; `check` warns of {len(study.contradictions)} of its lines"
    return Found(value, same and not study.contradictions, "`ecgwas init FOLDER --preset published`, parsed")


LEAVING = {
    "read": "{recordings: ecg, baseline: {kind: highpass}, denoise: {kind: none}, longer: leave_out, quality: {max_flat_s: 1}}",
    "represent": "[{kind: residual_autoencoder, epochs: 2, max_mse: null, test_share: 0.2}, {kind: pca, name: p, input: strip, "
                 "leads: each}]",
    "traits": "{covariates: c.tsv, transform: rank_normal, categorical: [], min_people: 50, guards: {max_kinship: 0.1}}",
    "scan": "{kind: matrix, genotypes: g, min_maf: 0.01}", "loci": "{threshold: 5.0e-8}",
    "genes": "[{kind: regions, file: g}, {kind: string_files, links: l, inflation: 3}, "
             "{kind: enrichment, terms: t, max_fdr: 0.1}]",
    "report": "{genes_hit_more_than: 0}",
}  # fmt: skip
LEAVE = (4, 4, 4, 2, 1, 2, 1)
"""How many values of each section are not the preset's; a section of another kind counts once."""


def leaving_lines(_: Code) -> Found:
    told = parsed(
        "name: s\npreset: published\n" + "".join(f"{name}: {text}\n" for name, text in LEAVING.items())
    ).contradictions
    counts = tuple(sum(f": {name}" in line for line in told) for name in LEAVING)
    return Found(f"{len(told)} of {sum(LEAVE)} values reported, each with its line and the preset's value", counts == LEAVE,
                 "a study file of such lines, as `check` reports them")  # fmt: skip


def ten_components(code: Code) -> Found:
    """Of a table of forty components, as UK Biobank's is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "covariates.tsv"
        names = ["eid", "age", "sex", "center", *(f"pc{k}" for k in range(1, 41))]
        path.write_text("\t".join(names) + "\n" + "\t".join(map(str, range(1, len(names) + 1))) + "\n")
        table = covariate_tables.read(code.study.traits.model_copy(update={"covariates": path}))
    used = [name for name in table.names if name.startswith("pc")]
    value = f"of a table of 40 components {len(used)} are used: {used[0]} to {used[-1]}"
    return Found(value, used == [f"pc{k}" for k in range(1, 11)], "a table of 40, read")


def one_option(code: Code) -> Found:
    changed = parsed(LIKE_STUDY + "represent: [{kind: residual_autoencoder, name: ae, epochs: 2}]\n").represent
    same = changed == (code.options.model_copy(update={"epochs": 2}),)
    return Found("`epochs: 2` changes that option alone" if same else "other options change too", same, "options, parsed")


def gene_sources(code: Code) -> Found:
    kinds = [source.kind for source in code.started.genes]
    network = {"string_files", "string_db"} & set(kinds)
    mapped = {"regions", "haploreg", "gprofiler"} & set(kinds)
    terms = {"enrichment", "string_db", "gprofiler"} & set(kinds)
    words = f"sources {', '.join(kinds)}" if kinds else "no sources of genes"
    how = "`genes` of the study file that init writes where files are available"
    return Found(words, bool(network and mapped and terms), how)


def by_number_of_hits(code: Code) -> Found:
    """Of the preset's own list, or of a study file that init writes where no files of genes are there."""
    sources = {source.kind: source for source in code.study.genes or code.without_files.genes}
    few, many = sources.get("haploreg"), sources.get("gprofiler")
    if few is None or many is None:
        value = f"HaploReg up to {Haploreg.model_fields['max_variants'].default} hits; not in the preset"
        return Found(value, False, "`genes` of the preset, and of what init writes")
    limit, start = getattr(few, "max_variants", None), getattr(many, "min_variants", None)
    holds = limit is not None and start == limit + 1
    return Found(f"HaploReg up to {limit} hits, g:SNPense from {start}", holds, "`genes` of the preset or of what init writes")


def file_names(code: Code) -> Found:
    found = re.match(code.study.read.pattern, "1000001_V1_20205_2_0.xml", re.IGNORECASE)
    key = {} if found is None else found.groupdict()
    holds = (key.get("eid"), key.get("lead"), key.get("instance")) == ("1000001", "V1", "2")
    return Found(
        f"eid {key.get('eid')}, lead {key.get('lead')} of `1000001_V1_20205_2_0.xml`", holds, "`read.pattern`, matched"
    )


def key_by_key(code: Code) -> Found:
    kept = code.kept(2)
    value = f"a lead that exists only as 3_0: {len(kept)} of 12 leads kept{', V6 among them' if 'V6' in kept else ''}"
    return Found(value, len(kept) == 12, "simulated participants, stage read")


def bad_signal(code: Code) -> Found:
    kept = code.kept(3)
    value = f"a NaN in aVF: {len(kept)} of the 11 other leads kept, aVF {'kept' if 'aVF' in kept else 'excluded'}"
    return Found(value, len(kept) == 11 and "aVF" not in kept, "simulated participants, stage read")


def no_other_rule(code: Code) -> Found:
    missing, flat = code.kept(0), code.kept(1)
    value = f"V3 missing: {len(missing)} of 11 leads kept; V1 flat: {len(flat)} of 12 kept"
    return Found(value, (len(missing), len(flat)) == (11, 12), "simulated participants, stage read")


def _near(largest: float, limit: float) -> str:
    """The same words on every machine where a difference is only of rounding."""
    return f"differs by less than {limit:g}" if largest < limit else f"differs by {largest:.2g}"


def _noise() -> np.ndarray:
    """(3, 5000) µV: noise, slow wander, and a narrow wave each second that no cleaning may take for noise."""
    seconds = np.arange(5000) / 500
    waves = 1000 * np.exp(-(((seconds % 1 - 0.5) / 0.02) ** 2)) + 300 * np.sin(seconds)
    return np.asarray(np.random.default_rng(1).normal(0, 50, (3, 5000)) + waves)


def baseline(code: Code) -> Found:
    raw, method = _noise(), code.study.read.baseline
    ours = remove_baseline(method, raw, rate_hz=code.study.read.rate_hz)
    largest = float(np.abs(ours - (raw - uniform_filter1d(raw, 250, axis=-1, mode="reflect"))).max())
    value = f"{method.kind}, {getattr(method, 'window_s', None)} s; {_near(largest, 1e-9)} µV"
    return Found(value, largest < 1e-9, "against SciPy's uniform filter of 250 samples, reflect")


def order(code: Code) -> Found:
    raw, read = _noise(), code.study.read
    by_hand = remove_noise(read.denoise, remove_baseline(read.baseline, raw, rate_hz=500.0), rate_hz=500.0)
    largest = float(np.abs(clean(read, raw) - by_hand).max())
    return Found(f"baseline, then denoising; {_near(largest, 1e-3)} µV", largest < 1e-3, "both steps by hand")


def wavelet(code: Code) -> Found:
    raw = _noise()
    ours = remove_noise(code.study.read.denoise, raw, rate_hz=500.0)
    approximation, *details = pywt.wavedec(raw, "db4", level=4, axis=-1)
    limit = np.median(np.abs(details[-1]), axis=-1, keepdims=True) / 0.6745 * np.sqrt(2 * np.log(raw.shape[-1]))
    shrunk = [pywt.threshold(detail[row], limit[row, 0], "soft") for detail in details for row in range(3)]
    details = [np.stack(shrunk[start : start + 3]) for start in range(0, len(shrunk), 3)]
    largest = float(np.abs(ours - pywt.waverec([approximation, *details], "db4", axis=-1)[..., :5000]).max())
    value = f"db4, 4 levels, VisuShrink, inverse transform; {_near(largest, 0.01)} µV"
    return Found(value, largest < 0.01, "against PyWavelets by hand")


def _convolutions(block: Any) -> list[nn.Conv1d]:
    return [layer for layer in block.body if isinstance(layer, nn.Conv1d)]


def shapes(code: Code) -> Found:
    out = code.network.eval()(torch.zeros(2, 1, 5000))
    return Found(f"(2, 1, 5000) in, {tuple(out.shape)} out", tuple(out.shape) == (2, 1, 5000), "network, run")


def encoder_blocks(code: Code) -> Found:
    blocks = list(code.network.encoder)
    seen = [[(c.kernel_size[0], c.stride[0], c.out_channels) for c in _convolutions(block)] for block in blocks]
    holds = seen == [[(7, 2, width), (7, 1, width)] for width in (32, 64, 128)]
    words = "; ".join("+".join(f"k{k} s{s} c{c}" for k, s, c in block) for block in seen)
    return Found(f"{len(blocks)} blocks: {words}", holds, "network, built")


def layers(kind: type[nn.Module], encoder: int, decoder: int) -> Check:
    """So many layers of a kind in each half."""

    def check(code: Code) -> Found:
        counts = [sum(isinstance(m, kind) for m in half.modules()) for half in (code.network.encoder, code.network.decoder)]
        value = f"{kind.__name__}: {counts[0]} in the encoder, {counts[1]} in the decoder's blocks"
        return Found(value, counts == [encoder, decoder], "network, built")

    return check


def dropouts(half: str) -> Check:
    def check(code: Code) -> Found:
        blocks = list(getattr(code.network, half))
        shares = [[layer.p for layer in block.modules() if isinstance(layer, Dropout)] for block in blocks]
        words = ", ".join(" and ".join(map(str, some)) or "none" for some in shares)
        return Found(f"after the three blocks: {words}", shares == [[0.2]] * 3, "network, built")

    return check


def residual(code: Code) -> Found:
    down = [block.join is not None and block.join.adds for block in code.network.encoder]
    up = [block.join is not None for block in code.network.decoder]
    return Found(
        f"added in {sum(down)} blocks of the encoder, {sum(up)} of the decoder",
        all(down) and not any(up),
        "network, built",
    )


def penalised(code: Code) -> Found:
    blocks = [*code.network.encoder, *code.network.decoder]
    wanted = {id(c.weight) for block in blocks for c in _convolutions(block)}
    seen = {id(weight) for weight in convolution_weights(code.network)}
    value = f"weight {code.options.l2:g} on {len(seen)} convolutions of the blocks, nothing else"
    return Found(value, seen == wanted and code.options.l2 == 1e-4, "network, built")


def dense(code: Code) -> Found:
    net = code.network
    first = net.from_features[0]
    value = f"{net.to_features.in_features} to {net.to_features.out_features}, back to {first.out_features}"
    back = isinstance(net.from_features[1], nn.LeakyReLU) and net.map == (128, 625)
    return Found(value + ", then LeakyReLU", back and (net.to_features.out_features, first.in_features) == (32, 32), "built")


def upsampling(code: Code) -> Found:
    blocks = list(code.network.eval().decoder)
    widths = [_convolutions(block)[0].out_channels for block in blocks]
    x = torch.randn(1, *code.network.map)
    block = blocks[0]
    assert isinstance(block, DecoderBlock)
    with torch.no_grad():
        largest = float((block(x)[0] - block.after(block.body(doubled(x)[:, :, : block.length]))).abs().max())
    value = f"channels {', '.join(map(str, widths))}; {_near(largest, 1e-4)} from doubling and convolving"
    kernel = all(_convolutions(block)[0].kernel_size == (7,) for block in blocks)
    return Found(value, widths == [128, 64, 32] and kernel and largest < 1e-4, "network, built and run")


def last_layer(code: Code) -> Found:
    last = list(code.network.named_children())[-1]
    layer = last[1]
    holds = isinstance(layer, nn.Conv1d) and layer.out_channels == 1 and layer.kernel_size == (7,)
    return Found(f"{type(layer).__name__}, no activation after it", holds, "network, built")


def validation_loss(code: Code) -> Found:
    net = Autoencoder(code.options.model_copy(update={"channels": (4,), "kernels": (7,)}), 1, 64).eval()
    traces = torch.randn(4, 1, 64)
    with torch.no_grad():
        reported = float(SPEC.loss(code.options)(net, [traces], 1)[1])
        error = float((net(traces) - traces).square().mean())
        penalty = code.options.l2 * float(sum(weight.square().sum() for weight in convolution_weights(net)))
    return Found("squared error and penalty", abs(reported - error - penalty) < 1e-5, "loss of a small network, computed")


def _plan(code: Code) -> TrainingPlan:
    o = code.options
    return TrainingPlan(1, o.epochs, o.batch, o.learning_rate, o.patience, o.halve_after)


def stopping(code: Code) -> Found:
    losses = [1.0] + [2.0] * 20
    stop = next(n for n in range(1, 21) if finished(losses[:n], _plan(code)))
    value = f"stops after {stop - 1} epochs without a better loss, at epoch {code.options.epochs} at the latest"
    return Found(value, stop == 11 and code.options.epochs == 100, "rule, applied to made-up losses")


def halving(code: Code) -> Found:
    rates = [learning_rate([1.0] + [2.0] * n, _plan(code)) for n in range(6)]
    value = f"{rates[0]:g}, from {rates.count(rates[0])} epochs without a better loss on {rates[-1]:g}"
    return Found(value, rates == [1e-3] * 5 + [5e-4], "rule, applied to made-up losses")


def split(code: Code) -> Found:
    parts = split_participants(1000, code.options.test_share, 1, validation=True)
    sizes = [len(parts.train), len(parts.validation), len(parts.test)]
    return Found(f"{sizes} of 1,000 participants, by participant", sizes == [800, 100, 100], "split, computed")


def autosomes(code: Code) -> Found:
    chosen = list(code.study.scan.chromosomes)
    holds = chosen == [str(chromosome) for chromosome in range(1, 23)]
    value = "1 to 22" if holds else f"{chosen[0]} to {chosen[-1]}"
    return Found(f"{value}, a part of the scan for each", holds, "options of the preset, parsed")


def job_array(code: Code) -> Found:
    there = (ROOT / "src" / "ecgwas" / "workflow" / "arrays.py").exists()
    text = command_line.commands["run"].to_info_dict(__import__("click").Context(command_line))
    named = "slurm-array" in str(text)
    value = "`ecgwas run --on slurm-array`" if there and named else "separate jobs"
    return Found(value, there and named, "options of `ecgwas run`")


def network_options(code: Code) -> Found:
    kinds = {source.kind: source for source in code.started.genes}
    found = next((kinds[kind] for kind in ("string_files", "string_db") if kind in kinds), None)
    inflation, score = getattr(found, "inflation", None), getattr(found, "min_score", None)
    return Found(
        f"MCL at inflation {inflation}, of edges with a score of {score} or more",
        inflation == 2.0,
        "`genes` of the study file that init writes",
    )


def clusters(code: Code) -> Found:
    edges = [(a, b, 1.0) for group in ("abc", "xyz") for a in group for b in group if a < b]
    found = {frozenset(one) for one in mcl.cluster(list("abcxyz"), [*edges, ("c", "x", 0.1)], 2.0)}
    value = f"{len(found)} clusters of two triangles joined weakly"
    return Found(value, found == {frozenset("abc"), frozenset("xyz")}, "MCL, run")


def term_limits(code: Code) -> Found:
    from ecgwas.study import Enrichment

    fields = Enrichment.model_fields
    fdr, strength = fields["max_fdr"].default, fields["min_strength"].default
    return Found(f"FDR < {fdr}, strength > {strength}", (fdr, strength) == (0.01, 0.2), "defaults of the term sources")


CARDIOVASCULAR = (
    "Coronary atherosclerosis measurement", "Arterial disorder", "Heart rate", "Heart function measurement",
    "Cardiovascular disease", "Extracellular matrix structural constituent", "Heart disease", "Blood pressure",
    "Diastolic blood pressure", "Cardiovascular disease biomarker measurement",
    "Guanyl-nucleotide exchange factor activity", "Pulse pressure measurement", "Abnormal heart valve morphology",
    "Heart valve morphology", "Calcium ion binding",
)  # fmt: skip
GROUPS = {
    "Glucose metabolism measurement": "metabolic", "Triacylglycerol 52:2 measurement": "metabolic",
    "Phosphatidylcholine measurement": "metabolic", "Susceptibility to cold sores measurement": "immune",
    "Anti-thyroglobulin antibody measurement": "immune", "Actin binding": "neurological",
}  # fmt: skip


def _group(description: str) -> str:
    """Group of a term, by whatever this version groups by."""
    from ecgwas.genes.sources import term_groups
    from ecgwas.study import Enrichment

    limits = Enrichment(terms=Path("terms.gmt"))
    return str(term_groups.Grouper(limits).of("", description).name)


def heart_terms(code: Code) -> Found:
    missed = [term for term in CARDIOVASCULAR if _group(term) != "cardiovascular"]
    value = f"{15 - len(missed)} of the study's 15" + (f"; not {', '.join(missed)}" if missed else "")
    return Found(value, not missed, "the study's terms, grouped by their names")


def other_groups(code: Code) -> Found:
    wrong = [f"{term}: {_group(term)}" for term, group in GROUPS.items() if _group(term) != group]
    value = f"{len(GROUPS) - len(wrong)} of the study's {len(GROUPS)}" + (f"; {'; '.join(wrong)}" if wrong else "")
    return Found(value, not wrong, "the study's terms, grouped by their names")


def strongest(code: Code) -> Found:
    blank = dict.fromkeys(tables.Terms.columns) | {"category": "c", "kept": True, "cardiovascular": False, "group": "other"}
    shared = {name: blank.get(name) for name in tables.Terms.columns}
    rows = [shared | {"term": f"t{n}", "strength": n / 10, "fdr": n / 1e4, "p": n / 1e4} for n in range(3, 9)]
    chosen = summaries.term_choice(tables.Terms.of(rows), 2).frame["strength"].to_list()
    value = f"of strengths 0.3 to 0.8 the chosen two: {chosen}"
    return Found(value, sorted(chosen) == [0.7, 0.8], "choice among made-up terms")
