"""Fills the tables of README and docs/validation from recorded runs of benchmarks: `python -m docs.make_validation`.

A run is recorded by `--record` (benchmarks/record.py). In a page, a block

    <!-- run: speed.association -->
    <!-- end of run -->

receives the command, its date and machine, and the table of TABLES with that name. A block whose benchmark has no recorded run
keeps its text, which is of an earlier run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docs import tables_of_relatives as relatives
from docs.recorded_runs import Lines, Row, Run, joined, percent, recorded_run, table

from benchmarks.findings import threshold_at_size
from benchmarks.hearts.kinds import KINDS
from ecgwas.extras import EXTRAS

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs" / "validation").glob("*.md")))
BLOCK = re.compile(r"(<!-- run: (.+?) -->\n).*?(<!-- end of run -->)", re.DOTALL)

# One function for each table


def association(run: Run) -> Lines:
    """Times that other programs take, by participants and missing calls."""
    names = ("plink2-openblas", "plink2-stock", "tensorqtl-cpu", "numpy-sgemm", "two-threads")
    times = {(row["words"][0], row["N"], row["missing"]): row["times"] for row in run.of("RATIO")}
    cases = sorted({(row["missing"], row["N"]) for row in run.of("RATIO")})
    header = ("participants, missing calls", "times PLINK 2 with OpenBLAS", "times PLINK 2 as Debian links it",
              "times tensorQTL on the CPU", "product alone, times NumPy's sgemm", "two threads, times one")  # fmt: skip
    return table(header, [
        [f"{people:,}, {missing:.0%}", *(f"{times[name, people, missing]:,.3g}" if (name, people, missing) in times else "–"
                                         for name in names)]
        for missing, people in cases
    ])  # fmt: skip


def delineation(run: Run) -> Lines:
    """Errors of wave onsets and ends by database and convention; of LUDB those of people not used for training."""
    names = {"P_on": "P onset", "P_off": "P end", "QRS_on": "QRS onset", "QRS_off": "QRS end", "T_off": "T end"}
    kinds = {("ludb", "global"): "LUDB, all leads together", ("ludb", "per_lead"): "LUDB, each lead",
             ("qtdb", "global"): "QT Database, both leads together", ("qtdb", "per_lead"): "QT Database, the better lead"}
    cells = [
        [kinds[row["data"], row["convention"]], names[row["words"][0]], row.get("method", "ecgwas"),
         *(f"{row[name]:.1f}" for name in ("mean", "sd", "sensitivity", "ppv"))]
        for row in run.of("DELINEATION") if "method" in row or row["data"] != "ludb" or "folds" in row
    ]
    annotators = [
        [kinds["qtdb", "global"], names[row["words"][0]], "second annotator",
         f"{row['mean']:.1f}", f"{row['sd']:.1f}", "–", "–"]
        for row in run.of("ANNOTATORS")
    ]
    header = ("marks", "", "found by", "mean error, ms", "SD, ms", "sensitivity, %", "PPV, %")
    return table(header, cells + annotators)  # fmt: skip


def delineation_faults(run: Run) -> Lines:
    """SD and mean error of wave onsets and ends, and sensitivity, by fault; without true waves, the number of false ones."""
    points: dict[str, dict[str, Row]] = {}
    for row in run.of("ROBUSTNESS"):
        points.setdefault(row["fault"], {})[row["fiducial"]] = row
    beats = {row["fault"]: row for row in run.of("BEATS")}
    names = ("P_on", "P_off", "QRS_on", "QRS_off", "T_off")
    return table(("", "beats: sensitivity, PPV, %", "P onset", "P end", "QRS onset", "QRS end", "T end"), [
        [KINDS[fault].meaning, f"{beats[fault]['sensitivity']:.1f}, {beats[fault]['ppv']:.1f}",
         *(_robustness(of_fault[name]) for name in names)]
        for fault, of_fault in points.items()
    ])  # fmt: skip


def _robustness(row: Row) -> str:
    """`1.7 (+2.0), 98`: SD, bias and sensitivity; or the false points where there are no true ones."""
    if not math.isnan(row["sd"]):
        return f"{row['sd']:.1f} ({row['bias']:+.1f}), {row['sensitivity']:.0f}"
    return "0" if row["sensitivity"] == 0 else f"none; false: {row['false_per_100']:.0f}"


def rhythms(run: Run) -> Lines:
    """Sensitivity and specificity of each rhythm by data, with the numbers of recordings with and without the label."""
    names = {"ptbxl_develop": "PTB-XL, develop", "ptbxl_confirm": "PTB-XL, confirm", "ludb": "LUDB", "hearts": "simulated",
             "qtdb": "QTDB"}  # fmt: skip
    header = ("rhythm", "recordings", "with the label", "without it", "sensitivity, %", "specificity, %")
    body = []
    for row in run.of("RHYTHM"):
        name, *intervals = row["words"]
        shares = [
            "–" if row[share] == "none" else f"{row[share]} {interval.replace('-', ' to ')}"
            for share, interval in zip(("sensitivity", "specificity"), intervals, strict=True)
        ]
        counts = (str(row["positives"]), str(row["of"] - row["positives"]))
        body.append([name.replace("_", " "), names[row["data"]], *counts, *shares])
    return table(header, body)


def probes(run: Run) -> Lines:
    """Area under the curve of each label, and error of age, by representation."""
    by_label = {(row["words"][0], row["label"]): row for row in run.of("PROBE")}
    representations = [name for name in dict.fromkeys(name for name, _ in by_label) if name != "none"]
    labels = {"NORM": "normal", "MI": "myocardial infarction", "STTC": "ST or T change", "CD": "conduction disturbance",
              "HYP": "hypertrophy", "sex": "sex"}  # fmt: skip
    body = []
    for label, meaning in labels.items():
        rows_of_label = [by_label[name, label] for name in representations]
        first = rows_of_label[0]
        body.append([f"{meaning} ({first['positive']} of {first['of']}): AUC", *(f"{row['auc']:.3f}" for row in rows_of_label)])
    ages = [f"{by_label[name, 'age']['error_years']:.1f}" for name in representations]
    body.append([f"age: mean absolute error, years (the median: {by_label['none', 'age']['error_years']:.1f})", *ages])
    return table(("", *representations), body)


TRAITS_OF = {
    "default": "`intervals` and `pca`", "beat_points": "`beat_points`: 100", "local": "`local`: 48", "local_200": "`local`: 200",
    "default+local": "`intervals`, `pca`, `local`: 48", "default+local_200": "`intervals`, `pca`, `local`: 200",
}  # fmt: skip
SETS_OF_EFFECTS = {"develop": "developed with", "confirm": "confirming", "named": "named"}


def local_effects(run: Run) -> Lines:
    """How many local effects each set of traits keeps and finds, and its threshold."""
    rows = [row for row in run.of("SUMMARY") if row["words"][0] in TRAITS_OF]
    header = ("effects", "traits", "", "keep half", "found", "threshold", "higher by")
    return table(header, [
        [SETS_OF_EFFECTS[row["set"]], TRAITS_OF[row["words"][0]], str(row["traits"]), f"{row['kept']} of {row['effects']}",
         f"{row['found']} of {row['effects']}", f"{row['threshold']:.2f}", f"{row['rise']:.2f}"]
        for row in rows
    ])  # fmt: skip


def each_local_effect(run: Run) -> Lines:
    """-log10 p of every effect, by oracle and sets of traits."""
    header = ("effects", "ms wide", "ms from R", "shape", "leads", "µV", "oracle", "default", "points", "48", "200", "best of 200")
    return table(header, [
        [SETS_OF_EFFECTS[row["set"]], str(row["width_ms"]), str(row["t_ms"]), str(row["shape"]), str(row["leads"]),
         *(f"{row[name]:.1f}" for name in ("size_uv", "oracle", "default_before", "beat_points", "local", "local_200")),
         str(row["feature"])]
        for row in run.of("LOCAL")
    ])  # fmt: skip


def known_genes(run: Run) -> Lines:
    """Share of published variants that lie in, or nearest to, the published gene."""
    names = {"all": "all", "QT+PR+QRS+HR": "QT, PR, QRS, heart rate", "QT-Interval": "QT", "PR-Interval": "PR",
             "QRS-Duration": "QRS", "HR": "heart rate"}  # fmt: skip
    by_trait = {row["words"][1]: row for row in run.of("LOCI", "glist-hg19")}
    return table(("variants", "", "share"), [
        [name, str(by_trait[trait]["variants"]), f"{by_trait[trait]['share']:.3f}"] for trait, name in names.items()
    ])  # fmt: skip


def scores(run: Run) -> Lines:
    """Checks of polygenic scores, with what each should give; overlap with real genotypes has no target."""
    about = {"plink2": "largest difference from plink2 --score, SD", "match": "lines with the right status",
             "out_of_fold": "mean correlation out of fold without effects", "in_sample": "the same scores without folds",
             "null_p": "Kolmogorov-Smirnov p of null p-values", "coverage": "95 % intervals with the planted R² 0.05",
             "theory": "R² of ridge out of fold / R² expected"}  # fmt: skip
    return table(("", "of", "value", "95 % interval", "target"), [
        [about[row["words"][0]], str(next((row[name] for name in ("file", "method", "test") if name in row), "–")),
         f"{row['value']:.3g}", f"{row['low']:.3g} to {row['high']:.3g}",
         "–" if math.isnan(row["target"]) else f"{row['target']:g}"]
        for row in run.of("SCORES") if row["words"][0] in about
    ])  # fmt: skip


def network(run: Run) -> Lines:
    """Clusters compared with the program mcl."""
    return table(("graph", "nodes", "edges", "adjusted Rand index", "s", "s, mcl", "clusters"), [
        [row["words"][0], f"{row['nodes']:,}", f"{row['edges']:,}", f"{row['ari']:g}", f"{row['seconds']:.2f}",
         f"{row['mcl_seconds']:.2f}", f"{row['clusters']:,}"]
        for row in run.of("MCL")
    ])  # fmt: skip


def kinship(run: Run) -> Lines:
    """All pairs, in full and given up early."""
    header = ("people", "pairs given up early", "CPU s", "ns per pair", "100,000 people, 2 cores", "memory",
              "largest difference from PLINK 2", "PLINK 2, CPU s")  # fmt: skip
    return table(header, [
        [f"{row['people']:,}", "yes" if row["screened"] else "no", f"{row['seconds']:.1f}", str(row["per_pair_ns"]),
         f"{row['to_100000_minutes']:.1f} min, {row['to_100000_gib']:.1f} GiB", f"{row['gib']:.2f} GiB",
         f"{row['max_difference_from_plink2']:.1g}" if "max_difference_from_plink2" in row else "not run",
         f"{row['plink2_seconds']:.1f}" if "plink2_seconds" in row else "not run"]
        for row in run.of("KINSHIP")
    ])  # fmt: skip


def kinship_instructions(run: Run) -> Lines:
    """Nanoseconds per pair with each instruction set."""
    names = ("baseline", "avx2", "avx512f", "avx512vpopcntdq")
    return table(("people", *(f"`{name}`, ns per pair" for name in names)), [
        [f"{row['people']:,}", *(str(row.get(name, "not there")) for name in names)] for row in run.of("INSTRUCTIONS")
    ])  # fmt: skip


def components(run: Run) -> Lines:
    """Principal components of genotypes, and their agreement with the exact ones."""
    header = ("people", "variants", "passes", "CPU s", "ns per genotype and pass", "memory", "100,000 people and variants",
              "smallest correlation with an exact component")  # fmt: skip
    return table(header, [
        [f"{row['people']:,}", f"{row['variants']:,}", str(row["passes"]), f"{row['seconds']:.1f}", f"{row['per_call_ns']:.1f}",
         f"{row['gib']:.2f} GiB", f"{row['to_100000_minutes']:.0f} CPU min", f"{row['smallest_correlation']:.6f}"]
        for row in run.of("COMPONENTS")
    ])  # fmt: skip


def kinship_slice(run: Run) -> Lines:
    """Some of 100,000 people with everyone."""
    header = ("people", "compared with everyone", "arranging calls, CPU s", "ns per pair", "all pairs, 2 cores", "memory")
    return table(header, [
        [f"{row['people']:,}", str(row["firsts"]), f"{row['arranging_seconds']:.0f}", str(row["per_pair_ns"]),
         f"{row['all_pairs_minutes']:.1f} min", f"{row['gib']:.2f} GiB"]
        for row in run.of("SLICE")
    ])  # fmt: skip


def missing_calls(run: Run) -> Lines:
    """Blocks in which only some variants lack calls."""
    return table(("people", "variants without missing calls", "µs per variant", "undivided"), [
        [f"{row['people']:,}", f"{100 * row['complete']:g} %", f"{row['us']:.2f}", f"{row['undivided_us']:.2f}"]
        for row in run.of("MISSING")
    ])  # fmt: skip


def calibration(names: Mapping[str, str]) -> Callable[[Run], Lines]:
    """Rows CALIBRATION of the methods in `names`: nominal rate, rate before November 2026 where there is one, rate now."""

    def build(run: Run) -> Lines:
        observed = {tuple(row["words"][:2]): row for row in run.of("CALIBRATION")}
        body = []
        for (method, setting), row in observed.items():
            if method in names:
                before = observed.get((f"{method}_before", setting))
                cells = [percent(before) if before else "–", percent(row)]
                body.append([names[method], setting.replace("_", " "), f"{100 * row['nominal']:g}", *cells])
        return table(("what", "setting", "nominal, %", "before", "now"), body)

    return build


def people(run: Run) -> Lines:
    """Family-wise error where participants are not exchangeable."""
    return table(("participants", "nominal, %", "observed, %", "expected, %"), [
        [row["words"][1].replace("_", " "), f"{100 * row['nominal']:g}", f"{100 * row['observed']:.1f}",
         f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"]
        for row in run.of("CALIBRATION", "family_wise_error")
    ])  # fmt: skip


def ancestries(run: Run) -> Lines:
    """λ, family-wise error, power and heterogeneity in studies of several ancestries."""
    header = ("groups, Fst", "differ in", "option", "excluded", "λ", "p < 0.001, times nominal", "family-wise error (expected)",
              "planted effects found", "same effects with p of Q < 0.05", "other effects")  # fmt: skip
    body = []
    for row in run.of("ANCESTRIES"):
        about = f"{row['groups']}, {row['fst']:.2f}" + (f", with {row['genomes']}" if "genomes" in row else "")
        same, other = str(row["heterogeneity"]).split(",")
        interval = f"{100 * row['low']:.1f} to {100 * row['high']:.1f} %"
        body.append([
            about, str(row["setting"]), str(row["option"]), f"{row['dropped']:.1f}", f"{row['lambda']:.2f}",
            f"{row['beyond_1e3']:.2f}", f"{100 * row['fwer']:.1f} % ({interval})", str(row["found"]).replace("/", " of "),
            same if same == "-" else f"{float(same):.0%}", other if other == "-" else f"{float(other):.0%}",
        ])  # fmt: skip
    return table(header, body)


def report(run: Run) -> Lines:
    """Size and times of the page of a large study."""
    page, browser = run.of("REPORT")[0], run.of("CHROMIUM")[0]
    header = ("traits", "variants", "kept rows", "page", "first picture", "first trait", "a trait (median, worst of 11)")
    return table(header, [[
        f"{page['traits']:,}", f"{page['variants']:,}", f"{page['kept_rows']:,}", f"{page['page_mib']:.1f} MiB",
        f"{browser['first_picture_s']:.2f} s", f"{browser['first']:.2f} s",
        f"{browser['median']:.2f} s, {browser['worst']:.2f} s",
    ]])  # fmt: skip


def serve(run: Run) -> Lines:
    """Times of the answers of `ecgwas serve`."""
    whole = run.of("SERVE")[0]
    rows = [[row["words"][0].replace("_", " "), f"{row['median_ms']} ms", f"{row['worst_ms']} ms", f"{row['cpu_ms']} ms",
             f"{row['kib']:,} KiB"] for row in run.of("ANSWER")]  # fmt: skip
    rows.append([f"reading {whole['kept_tests']:,} tests of {whole['traits']:,} traits", f"{whole['start_s']:.1f} s", "", "",
                 f"{whole['peak_mib']:,} MiB of memory"])  # fmt: skip
    return table(("answer", "median", "worst", "CPU time of the server", "size"), rows)


def scan_scale(run: Run) -> Lines:
    """A large scan on one core."""
    return table(("participants", "variants", "traits", "CPU s", "of them in blocks", "tests per second", "memory"), [
        [f"{row['people']:,}", f"{row['variants']:,}", f"{row['traits']:,}", f"{row['cpu_seconds']:.1f}",
         f"{row['block_seconds']:.1f}", f"{row['variants'] * row['traits'] / row['block_seconds'] / 1e6:.2f} million",
         f"{row['peak_mib']:,} MiB"]
        for row in run.of("SCAN")
    ])  # fmt: skip


def planned(run: Run) -> Lines:
    """Planned and measured core seconds of small studies, stage by stage."""
    cases = list(dict.fromkeys(row["words"][0] for row in run.of("PLANNED")))
    by_place = {tuple(row["words"]): row for row in run.of("PLANNED")}
    stages = list(dict.fromkeys(row["words"][1] for row in run.of("PLANNED")))
    names = {"demo": "`ecgwas demo`", "table": "phenotype table", "published": "`preset: published`", "real": "real recordings"}
    return table(("planned, measured", *(names[case] for case in cases)), [
        [f"`{stage}`" if stage not in ("start", "all") else stage,
         *(f"{row['planned']:.1f}, {row['measured']:.1f}" if (row := by_place.get((case, stage))) else "–" for case in cases)]
        for stage in stages
    ])  # fmt: skip


def permutations(run: Run) -> Lines:
    """The cost of permutations."""
    header = ("permutations", "participants", "traits", "variants", "s", "CPU s", "memory", "times one scan")
    return table(header, [
        [f"{row['count']:,}", f"{row['people']:,}", f"{row['traits']:,}", f"{row['variants']:,}", f"{row['seconds']:.0f}",
         f"{row['cpu_seconds']:.0f}", f"{row['peak_mib']:,} MiB", f"{row['scans']:.0f}"]
        for row in run.of("PERMUTATIONS")
    ])  # fmt: skip


def cohorts(run: Run) -> Lines:
    """Cohorts without effects in which something is significant."""
    names = {"default": "defaults", "published": "`preset: published`"}
    return table(("cohorts without effects", "of them with a locus", "a cohort has: rows", "loci", "genes hit or nearest"), [
        [names[row["words"][0]], f"{row['with_locus']} of {row['of']}",
         *(f"{row[name]:.2f}" for name in ("rows", "loci", "genes"))]
        for row in run.of("COHORTS")
    ])  # fmt: skip


THRESHOLDS_OF = (*threshold_at_size.SETTINGS, "cost")
"""What benchmarks/findings/threshold_at_size.py measures, each recorded alone or all together."""


def sampled_thresholds(run: Run) -> Lines:
    """Thresholds of a permuted sample and of everyone, and what the permutations of a large study cost."""
    head = ("setting", "participants", "permuted", "full", "fast", "difference (SE)", "estimator", "full / fast, time")
    settings = table(head, [
        [str(row["setting"]).replace("_", " "), f"{row['people']:,}", f"{row['permuted']:,}", f"{row['full']:.2f}",
         f"{row['fast']:.2f}", f"{row['difference']:+.3f} ({row['se']:.3f})", str(row["estimator"]).replace("_", " "),
         f"{row['cost_ratio']:.1f}"]
        for row in run.of("THRESHOLD")
    ])  # fmt: skip
    size = "100,000 participants, 10 million variants, 384 traits, 1,000 permutations"
    hours = table((size, "everyone", "default", "ratio"), [
        [f"{str(row['genotypes']).replace('_', ' ')}, trait sets: {row['sets']}", f"{row['full_hours']:,.0f} h",
         f"{row['fast_hours']:.0f} h", f"{row['cost_ratio']:.0f}"]
        for row in run.of("COST")
    ])  # fmt: skip
    parts = ((settings, run.of("THRESHOLD")), (hours, run.of("COST")))
    measured = [lines for lines, found in parts if found]
    return [*measured[0], *(line for lines in measured[1:] for line in ("", *lines))]


def outcomes(run: Run) -> Lines:
    """Score tests of features with outcomes, and how long a large study would take."""
    predicted = run.of("PREDICTED")
    header = ("model", "features, outcomes, people", "CPU s", "growth of memory", "times as fast", "CPU minutes, large study")
    return table(header, [
        [row["words"][0], f"{row['features']}, {row['outcomes']}, {row['people']:,}", f"{row['cpu_seconds']:.2f}",
         f"{row['gib']:.2f} GiB", f"{row['statsmodels_ratio']:,}", f"{large['cpu_minutes']:.1f}"]
        for row, large in zip(run.of("OUTCOMES"), predicted, strict=True)
    ])  # fmt: skip


def outcome_fits(run: Run) -> Lines:
    """CPU time of single fits."""
    kinds = list(dict.fromkeys(row["words"][0] for row in run.of("FIT")))
    sizes = list(dict.fromkeys(row["people"] for row in run.of("FIT")))
    seconds = {(row["words"][0], row["people"]): row["cpu_seconds"] for row in run.of("FIT")}
    names = {"likelihood": "logistic, likelihood ratio", "firth": "logistic, Firth", "cox": "Cox"}
    return table(("CPU s of one fit", *(f"{people:,} people" for people in sizes)), [
        [names[kind], *(f"{seconds[kind, people]:.3f}" for people in sizes)] for kind in kinds
    ])  # fmt: skip


def reading(run: Run) -> Lines:
    """Recordings per second and core, by format."""
    return table(("format", "file, KiB", "plain", "ecgwas", "ratio"), [
        [" ".join(row["words"]).replace("_", " "), f"{row['kib']:,}", f"{row['plain']:,.0f}", f"{row['ecgwas']:,.0f}",
         f"{row['ratio']:.1f}"]
        for row in run.of("READING")
    ])  # fmt: skip


def representations(run: Run) -> Lines:
    """Held-out R2 of the parameters of simulated hearts, by seed."""
    return table(("representation", "seed", "features", "R²", "correlation with a second recording"), [
        [row["words"][0], str(seed), str(row["features"]), f"{row['mean']:.3f}", f"{row['retest']:.3f}"]
        for seed, row in _by_seed(run)
    ])  # fmt: skip


def _by_seed(run: Run) -> list[tuple[int, Row]]:
    """Rows R2 of the simulator's own hearts, each with its seed."""
    seed, pairs = 0, []
    for row in run.rows:
        seed = row["value"] if row["kind"] == "SEED" else seed
        pairs += [(seed, row)] if row["kind"] == "R2" and row.get("hearts", "own") == "own" else []
    return pairs


def planted(run: Run) -> Lines:
    """Planted loci found in real recordings paired with real genomes."""
    return table(("pairing", "planted loci found", "other loci", "CPU s", "-log10 p of the planted loci"), [
        [row["words"][0], f"{row['found']} of {row['planted']}", str(row["others"]), f"{row['cpu_seconds']:.0f}",
         str(row["neglog10p"]).replace(",", ", ")]
        for row in run.of("PLANTED")
    ])  # fmt: skip


def natural_units(run: Run) -> Lines:
    """Planted effects, what they do to the measurement, and their estimates, in ms or µV."""
    header = (
        "cohort", "planted parameter", "planted", "on the measurement", "trait", "estimate (SE)",
        "95 % interval contains planted, measured", "strongest measured trait: effect (SE)",
    )  # fmt: skip
    return table(header, [
        [" ".join(row["words"]), row["parameter"], f"{row['planted']:.1f} {row['unit']}", f"{row['measured']:.1f}",
         row["trait"], f"{row['effect']:.1f} ({row['se']:.1f})", f"{row['inside']}, {row['inside_measured']}", _chosen(row)]
        for row in run.of("EFFECT")
    ])  # fmt: skip


def _chosen(row: Row) -> str:
    if row["chosen"] == "none":
        return "none is significant"
    return f"{row['chosen']}: {row['chosen_effect']:.1f} ({row['chosen_se']:.1f}) {row['chosen_unit']}"


def extras(run: Run) -> Lines:
    """Size and time of the base and of each extra, with what it is for; of the first Python that was measured."""
    rows = run.of("INSTALLATION", "pip")
    chosen = [row for row in rows if row["python"] == rows[0]["python"]]
    needed_for = {"base": "everything else", "all": "all of these"} | {name: one.needed_for for name, one in EXTRAS.items()}
    return table((f"installation (Python {rows[0]['python']})", "needed for", "packages", "MB", "s"), [
        [f"`ecgwas[{row['words'][1]}]`" if row["words"][1] != "base" else "`ecgwas`", needed_for[row["words"][1]],
         str(row["packages"]), f"{row['mb']:,}", str(row["seconds"])]
        for row in chosen
    ])  # fmt: skip


def pythons(run: Run) -> Lines:
    """Each Python and installer: size, time, and how fast the program starts."""
    header = ("Python", "installation", "installer", "packages", "MB", "s", "`ecgwas --help`, s", "`import ecgwas`, s")
    return table(header, [
        [str(row["python"]), "`ecgwas[all]`" if row["words"][1] == "all" else "`ecgwas`", row["words"][0], str(row["packages"]),
         f"{row['mb']:,}", str(row["seconds"]), f"{row['help_s']:.2f}", f"{row['import_s']:.3f}"]
        for row in run.of("INSTALLATION")
    ])  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table of one recorded run."""

    benchmark: str
    build: Callable[[Run], Lines]
    arguments: str = ""
    pieces: tuple[str, ...] = ()
    """Arguments of runs that each make some of the rows; those that were recorded are joined."""

    @property
    def run(self) -> Run | None:
        """The recorded run; None if there is none."""
        if not self.pieces:
            return recorded_run(self.benchmark, self.arguments)
        runs = [run for run in (recorded_run(self.benchmark, piece) for piece in self.pieces) if run is not None]
        return joined(runs) if runs else None


PROGRAMS = (
    "--only families --traits 384 --python python", "--only mice --traits 384 --python python",
    "--only large --people 10000 --python python",
)  # fmt: skip
"""Runs of benchmarks/speed/mixed_model.py that compare programs."""

TABLES = {
    "speed.association": Table("speed.association", association),
    "speed.installation": Table("speed.installation", extras),
    "speed.installation --python": Table(
        "speed.installation", pythons, "--python python python python --extras base"
    ),
    "speed.kinship": Table("speed.kinship", kinship),
    "speed.kinship, components": Table("speed.kinship", components),
    "speed.kinship, instructions": Table("speed.kinship", kinship_instructions),
    "speed.kinship --slice": Table("speed.kinship", kinship_slice, "--slice"),
    "speed.missing_calls": Table("speed.missing_calls", missing_calls),
    "speed.mixed_model, programs": Table("speed.mixed_model", relatives.programs, pieces=PROGRAMS),
    "speed.mixed_model, inflation": Table("speed.mixed_model", relatives.inflation, PROGRAMS[0]),
    "speed.mixed_model, errors": Table("speed.mixed_model", relatives.errors, "--only margin,fwer,pedigrees"),
    "speed.mixed_model, pedigrees": Table("speed.mixed_model", relatives.pedigrees, "--only margin,fwer,pedigrees"),
    "speed.mixed_model, time": Table("speed.mixed_model", relatives.times, "--only time"),
    "speed.family_model": Table("speed.family_model", relatives.family_agreement),
    "speed.family_model, inflation": Table("speed.family_model", relatives.inflation),
    "speed.family_model, time": Table("speed.family_model", relatives.family_times),
    "speed.polygenic": Table("speed.polygenic", relatives.predictions),
    "speed.polygenic, cost": Table("speed.polygenic", relatives.cost_of_predictions),
    "speed.network": Table("speed.network", network),
    "speed.outcomes": Table("speed.outcomes", outcomes),
    "speed.outcomes, fits": Table("speed.outcomes", outcome_fits),
    "speed.reading": Table("speed.reading", reading),
    "speed.report": Table("speed.report", report),
    "speed.report --variants": Table("speed.report", report, "--variants 10000000"),
    "speed.serve": Table("speed.serve", serve),
    "speed.scale --scan": Table("speed.scale", scan_scale, "--scan"),
    "speed.planned": Table("speed.planned", planned),
    "findings.delineation": Table("findings.delineation", delineation, "--ludb ludb --qtdb qtdb --folds networks"),
    "findings.rhythms": Table("findings.rhythms", rhythms, "--ptbxl ptbxl --ludb ludb --qtdb qtdb"),
    "findings.known_genes": Table("findings.known_genes", known_genes),
    "findings.scores": Table("findings.scores", scores, "--data data"),
    "findings.delineation_faults": Table("findings.delineation_faults", delineation_faults),
    "findings.natural_units": Table("findings.natural_units", natural_units),
    "findings.local_effects": Table("findings.local_effects", local_effects),
    "findings.local_effects, effects": Table("findings.local_effects", each_local_effect),
    "findings.probes": Table("findings.probes", probes, "--ptbxl ptbxl"),
    "findings.planted": Table("findings.planted", planted),
    "findings.representations": Table(
        "findings.representations", representations, "--people 2000 --seeds 11 21 31 41 --only default learned"
    ),
    "findings.calibration --only permutations": Table("findings.calibration", permutations, "--only permutations"),
    "findings.calibration --only cohorts": Table("findings.calibration", cohorts, "--only cohorts --cohorts 100"),
    "findings.threshold_at_size": Table(
        "findings.threshold_at_size", sampled_thresholds, pieces=("", *(f"--only {name}" for name in THRESHOLDS_OF))
    ),
    "findings.calibration_people": Table("findings.calibration_people", people, "--studies 400"),
    "findings.ancestries": Table("findings.ancestries", ancestries, "--studies 200"),
    "findings.calibration_hits": Table("findings.calibration_hits", calibration({
        "winners_curse_coverage": "coverage of a lead variant's effect",
        "positive_controls": "studies without effects that pass by their controls",
        "sets": "p of the strongest trait set below the level",
        "tails": "true level of a threshold",
    }), "--quick"),
}  # fmt: skip
"""Name of a block -> its table."""


# README's table: one line of each run


@dataclass(frozen=True)
class Figure:
    """A line of README: what, its figure from a run, and the command and page to look it up."""

    what: str
    table: str
    text: Callable[[Run], str]
    page: str


def _span(values: Sequence[float]) -> str:
    low, high = (f"{value:,.0f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _speed(run: Run) -> str:
    parts = []
    for missing, words in ((0, ""), (0.01, "with 1 % missing calls ")):
        rows = [row for row in run.of("RATIO", "plink2-openblas") if row["missing"] == missing]
        cases = [f"{row['times']:,.0f} times at {row['N']:,} participants" for row in sorted(rows, key=lambda row: row["N"])]
        parts.append(words + ", ".join(cases))
    return "; ".join(parts)


def _waves(run: Run) -> str:
    of_left_out = [row for row in run.of("DELINEATION") if row["convention"] == "global" and "folds" in row]
    sd = {row["words"][0]: f"{row['sd']:.1f}" for row in of_left_out}
    return f"P {sd['P_on']} and {sd['P_off']}, QRS {sd['QRS_on']} and {sd['QRS_off']}, T end {sd['T_off']}"


def _genes(run: Run) -> str:
    row = run.of("LOCI", "glist-hg19", "all")[0]
    return f"{row['agree']} of {row['variants']}"


def _large_scan(run: Run) -> str:
    row = run.of("SCAN")[0]
    return f"{row['cpu_seconds']:.1f} CPU seconds on one core, {row['peak_mib'] / 1024:.1f} GiB"


def _permutations(run: Run) -> str:
    row = run.of("PERMUTATIONS")[0]
    return f"{row['seconds'] / 60:.0f} minutes, {row['peak_mib'] / 1024:.1f} GiB, the time of {row['scans']:.0f} scans"


def _cohorts(run: Run) -> str:
    ours, theirs = run.of("COHORTS", "default")[0], run.of("COHORTS", "published")[0]
    return f"{ours['with_locus']} (with the source study's choices: {theirs['with_locus']})"


def _page(run: Run) -> str:
    return f"{run.of('REPORT')[0]['page_mib']:.1f} MiB, first figure after {run.of('CHROMIUM')[0]['first_picture_s']:.1f} s"


def _parameters(run: Run) -> str:
    means = {name: [row["mean"] for _, row in _by_seed(run) if row["words"][0] == name] for name in ("default", "learned")}
    spans = {name: " to ".join(dict.fromkeys(f"{value:.2f}" for value in (min(of), max(of)))) for name, of in means.items()}
    return f"{spans['default']} from the default's measurements and components, {spans['learned']} from the components alone"


def _planted(run: Run) -> str:
    rows = run.of("PLANTED")
    found = " and ".join(sorted({f"{row['found']} of {row['planted']}" for row in rows}))
    others = ", ".join(str(row["others"]) for row in rows)
    return f"{found} in each pairing, and {others} other loci; {_span([row['cpu_seconds'] for row in rows])} CPU seconds each"


FIGURES = (
    Figure("466 real ECGs paired with real genomes in three ways, four planted effects, default settings: loci found",
           "findings.planted", _planted, "loci"),
    Figure("100 such cohorts without effects: those with any locus", "findings.calibration --only cohorts", _cohorts, "loci"),
    Figure("speed against PLINK 2 with OpenBLAS, 384 traits, per core", "speed.association", _speed, "scan"),
    Figure("held-out R² of 29 true parameters of 2,000 simulated hearts, four times", "findings.representations", _parameters,
           "represent"),
    Figure("wave onsets and ends against a cardiologist, SD in ms", "findings.delineation", _waves, "measurements"),
    Figure("published ECG loci whose gene is the overlapping or nearest one", "findings.known_genes", _genes, "genes"),
    Figure("50,000 participants x 20,000 variants x 384 traits through the scan", "speed.scale --scan", _large_scan, "scaling"),
    Figure("1,000 permutations of 466 participants, 384 traits in 12 sets, 62,537 variants: the threshold",
           "findings.calibration --only permutations", _permutations, "loci"),
    Figure("page of 384 traits x a million variants", "speed.report", _page, "report"),
)  # fmt: skip


def readme_lines(before: str) -> Lines:
    """README's table; the lines in `before` whose benchmark has no recorded run, or that need none, stay as they are."""
    figures = {figure.what: figure for figure in FIGURES}
    lines = []
    for line in before.splitlines():
        figure = figures.get(line.split(" | ")[0].removeprefix("| "))
        chosen = TABLES[figure.table] if figure is not None else None
        run = recorded_run(chosen.benchmark, chosen.arguments) if chosen is not None else None
        if figure is None or run is None:
            lines.append(line)
            continue
        place = f"`{run.command.removeprefix('python -m ')}`, [{figure.page}](docs/validation/{figure.page}.md)"
        lines.append(f"| {figure.what} | {figure.text(run)} | {place} |")
    return lines


def filled(text: str) -> str:
    """A page with its blocks filled from the recorded runs. Raises KeyError for a block without a table."""

    def block(match: re.Match[str]) -> str:
        before, name = match[0].removeprefix(match[1]).removesuffix(match[3]), match[2]
        if name == "readme":
            return match[1] + "\n".join(readme_lines(before.rstrip("\n"))) + "\n" + match[3]
        chosen = TABLES[name]
        run = chosen.run
        if run is None:
            return match[0]
        return match[1] + "\n".join([run.caption, "", *chosen.build(run), "", match[3]])

    return BLOCK.sub(block, text)


def main() -> None:
    """Rewrites the pages."""
    for page in PAGES:
        page.write_text(filled(page.read_text()))


if __name__ == "__main__":
    main()
