"""What was done, in sentences made from the study file: ready for a methods section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecgwas.report.findings import Findings

CLEANING = {
    "moving_average": "a moving average of {window_s:g} s was subtracted",
    "highpass": "baseline wander was removed by a zero-phase Butterworth high-pass at {cutoff_hz:g} Hz",
    "wavelet": "noise was reduced by {mode} wavelet shrinkage ({wavelet}, {levels} levels, universal threshold)",
    "fourier": "frequencies between {low_hz:g} and {high_hz:g} Hz were kept",
}
REPRESENTATIONS = {
    "pca": "principal components ({features} features)",
    "residual_autoencoder": "a residual convolutional autoencoder ({features} features)",
    "vae": "a variational autoencoder ({features} features, beta {beta:g})",
    "beat_points": "the beat itself at {points} time points per lead",
    "intervals": "rate, intervals, axes and amplitudes by multi-lead delineation",
}
INPUTS = {"beat": "of median beats", "strip": "of whole recordings"}
TRANSFORMS = {
    "rank_normal": "Traits were transformed to normal quantiles by rank (Blom), and so were their residuals on the covariates.",
    "none": "Features were tested without transformation.",
}
ENGINES = {
    "matrix": "ordinary least squares on all traits at once with ecgwas' built-in engine",
    "plink2": "PLINK 2 (--glm), one run per lead and chromosome",
}
THRESHOLDS = {
    "published": "5e-8 divided by the features of a lead",
    "bonferroni": "5e-8 divided by the number of traits",
    "effective": "5e-8 divided by the effective number of traits (Li and Ji 2005)",
    "permutation": "the family-wise error over all traits and variants, from shuffles of people (Westfall and Young 1993)",
}
SOURCES = {
    "regions": "Variants were mapped to genes by position",
    "gprofiler": "variants were mapped to protein-coding genes by g:SNPense, terms sought by g:GOSt ({domain_scope} genes)",
    "haploreg": "variants were mapped to their nearest GENCODE gene by HaploReg v4 (1000 Genomes phase 1, GENCODE 13)",
    "ensembl_vep": "variants were mapped to genes within 5 kb by Ensembl's Variant Effect Predictor",
    "open_targets": "variants were mapped to genes by Open Targets, locus-to-gene scores of {min_score:g} or more included",
    "gwas_catalog": "published associations of the hit variants were taken from the GWAS Catalog",
    "string_files": "hit genes were joined by STRING and clustered by MCL (inflation {inflation:g})",
    "string_db": "hit genes were joined by STRING and clustered by MCL (inflation {inflation:g}), terms taken from STRING",
    "enrichment": "over-represented terms were sought by the hypergeometric test with Benjamini and Hochberg's correction",
}


REFERENCES = {
    "wavelet": ("Donoho DL, Johnstone IM. Ideal spatial adaptation by wavelet shrinkage. Biometrika 1994;81:425–455.",),
    "pca": (
        "Jolliffe IT, Cadima J. Principal component analysis: a review and recent developments. "
        "Phil Trans R Soc A 2016;374:20150202.",
    ),
    "residual_autoencoder": ("He K, Zhang X, Ren S, Sun J. Deep residual learning for image recognition. CVPR 2016:770–778.",),
    "vae": (
        "Kingma DP, Welling M. Auto-encoding variational Bayes. ICLR 2014.",
        "Higgins I, et al. beta-VAE: learning basic visual concepts with a constrained variational framework. ICLR 2017.",
    ),
    "rank_normal": (
        "McCaw ZR, Lane JM, Saxena R, Redline S, Lin X. Operating characteristics of the rank-based inverse normal "
        "transformation for quantitative trait analysis in genome-wide association studies. Biometrics 2020;76:1262–1272.",
    ),
    "plink2": (
        "Chang CC, et al. Second-generation PLINK: rising to the challenge of larger and richer datasets. "
        "GigaScience 2015;4:7.",
    ),
    "matrix": (
        "Chang CC, et al. Second-generation PLINK: rising to the challenge of larger and richer datasets. "
        "GigaScience 2015;4:7.",
    ),
    "permutation": ("Westfall PH, Young SS. Resampling-based multiple testing. Wiley 1993.",),
    "effective": (
        "Li J, Ji L. Adjusting multiple testing in multilocus analyses using the eigenvalues of a correlation matrix. "
        "Heredity 2005;95:221–227.",
    ),
    "gprofiler": (
        "Kolberg L, et al. g:Profiler: interoperable web service for functional enrichment analysis and gene identifier "
        "mapping (2023 update). Nucleic Acids Res 2023;51:W207–W212.",
    ),
    "haploreg": ("Ward LD, Kellis M. HaploReg v4. Nucleic Acids Res 2016;44:D877–D881.",),
    "ensembl_vep": ("McLaren W, et al. The Ensembl Variant Effect Predictor. Genome Biol 2016;17:122.",),
    "open_targets": (
        "Buniello A, et al. Open Targets Platform. Nucleic Acids Res 2025;53:D1467–D1475.",
        "Mountjoy E, et al. An open approach to systematically prioritize causal variants and genes at all published human "
        "GWAS trait-associated loci. Nat Genet 2021;53:1527–1533.",
    ),
    "gwas_catalog": (
        "Cerezo M, et al. The NHGRI-EBI GWAS Catalog: standards for reusability, sustainability and diversity. "
        "Nucleic Acids Res 2025;53:D998–D1005.",
    ),
    "string_files": (
        "Szklarczyk D, et al. The STRING database in 2023. Nucleic Acids Res 2023;51:D638–D646.",
        "van Dongen S. Graph clustering by flow simulation. PhD thesis, University of Utrecht 2000.",
    ),
    "string_db": (
        "Szklarczyk D, et al. The STRING database in 2023. Nucleic Acids Res 2023;51:D638–D646.",
        "van Dongen S. Graph clustering by flow simulation. PhD thesis, University of Utrecht 2000.",
    ),
    "enrichment": (
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to multiple "
        "testing. J R Stat Soc B 1995;57:289–300.",
    ),
}
ALWAYS = (
    "Devlin B, Roeder K. Genomic control for association studies. Biometrics 1999;55:997–1004.",
    "Wigginton JE, Cutler DJ, Abecasis GR. A note on exact tests of Hardy-Weinberg equilibrium. "
    "Am J Hum Genet 2005;76:887–893.",
    "Little J, et al. Strengthening the reporting of genetic association studies (STREGA). PLoS Med 2009;6:e22.",
)


def references(findings: Findings) -> tuple[str, ...]:
    """What to cite for the methods that the study used, each once, in the order of the paragraphs."""
    settings = findings.settings
    read, loci = settings["read"], settings["loci"]
    kinds = [read["baseline"]["kind"], read["denoise"]["kind"], *(one["kind"] for one in settings["represent"])]
    kinds += [settings["traits"]["transform"], settings["scan"]["kind"], str(loci["threshold"])]
    kinds += [source["kind"] for source in settings["genes"]]
    cited = [reference for kind in kinds for reference in REFERENCES.get(kind, ())]
    return tuple(dict.fromkeys([*cited, *ALWAYS]))


def methods(findings: Findings) -> tuple[str, ...]:
    """Paragraphs: recordings, representations, association, genes."""
    settings = findings.settings
    paragraphs = [_recordings(findings), _represented(settings), _associated(findings), _mapped(settings)]
    return tuple(paragraph for paragraph in [*paragraphs, _made(findings)] if paragraph)


def _made(findings: Findings) -> str:
    programs = ", ".join(f"{name} {number}" for name, number in findings.versions.items())
    return f"Programs: {programs}; seed {findings.seed}." if programs else ""


def _recordings(findings: Findings) -> str:
    read = findings.settings["read"]
    kept = findings.recordings.frame.filter(findings.recordings.frame["status"] == "kept")["eid"].n_unique()
    steps = [CLEANING[part["kind"]].format(**part) for part in (read["baseline"], read["denoise"]) if part["kind"] in CLEANING]
    cleaned = "; ".join(steps) or "signals were used as recorded"
    beats = read["beats"]
    reach = f"from {beats['before_ms']:g} ms before to {beats['after_ms']:g} ms after R"
    return (
        f"ECGs of {kept:,} people ({read['rate_hz']:g} Hz, {read['seconds']:g} s) were analysed: {cleaned}. R peaks were found "
        f"jointly on all leads; the median beat reaches {reach}."
    )


def _represented(settings: Mapping[str, Any]) -> str:
    kinds = []
    for options in settings["represent"]:
        words = REPRESENTATIONS.get(options["kind"], options["kind"]).format(**options)
        kinds.append(" ".join(piece for piece in (words, INPUTS.get(options.get("input", ""), "")) if piece))
    return f"Each recording was represented by {'; '.join(kinds)}."


def _associated(findings: Findings) -> str:
    settings = findings.settings
    scan, loci = settings["scan"], settings["loci"]
    people = findings.people.frame.filter(findings.people.frame["status"] == "kept").height
    tests = max(findings.summary.frame["tests"].to_list(), default=0)
    transform = TRANSFORMS.get(settings["traits"]["transform"], "")
    rule = loci["threshold"]
    limit = THRESHOLDS.get(str(rule), f"the p-value {rule} given in the study file")
    filters = (
        f"minor allele frequency at least {scan['min_maf']:g}, count at least {scan['min_mac']:g}, "
        f"call rate at least {scan['min_call_rate']:g}, Hardy-Weinberg p at least {scan['min_hwe_p']:g}"
    )
    return (
        f"{transform} In {people:,} people, {len(findings.trait_names):,} traits were "
        f"tested against {tests:,} variants ({scan['build']}; {filters}) by {ENGINES.get(scan['kind'], scan['kind'])}. "
        f"Significance: {limit}; −log10 p {findings.threshold['neglog10p']:.2f}. "
        f"Hits within {loci['window_bp']:,} bp of each other form one locus."
    )


def _mapped(settings: Mapping[str, Any]) -> str:
    words = [SOURCES.get(source["kind"], source["kind"]).format(**source) for source in settings["genes"]]
    if not words:
        return ""
    text = "; ".join(words)
    return f"{text[0].upper()}{text[1:]}."
