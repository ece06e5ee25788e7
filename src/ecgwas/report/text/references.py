"""What to cite, by the key that the methods text uses: `[@key]`."""

from __future__ import annotations

import re
from collections.abc import Sequence

REFERENCES = {
    "wavelet": ("Donoho DL, Johnstone IM. Ideal spatial adaptation by wavelet shrinkage. Biometrika 1994;81:425–455.",),
    "rhythms": (
        "Surawicz B, et al. AHA/ACCF/HRS recommendations for the standardization and interpretation of the electrocardiogram. "
        "Part III: intraventricular conduction disturbances. Circulation 2009;119:e235–e240.",
        "Prineas RJ, Crow RS, Zhang ZM. The Minnesota Code manual of electrocardiographic findings. 2nd ed. Springer 2010.",
    ),
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
    "gemma": (
        "Zhou X, Stephens M. Genome-wide efficient mixed-model analysis for association studies. Nat Genet 2012;44:821–824.",
    ),
    "importance": (
        "Kimmel G, Shamir R. A fast method for computing high-significance disease association in large "
        "population-based studies. Am J Hum Genet 2006;79:481–492.",
    ),
    "fastgwa": (
        "Jiang L, et al. A resource-efficient tool for mixed model association analysis of large-scale data. Nat Genet "
        "2019;51:1749–1755.",
    ),
    "regenie": (
        "Mbatchou J, et al. Computationally efficient whole-genome regression for quantitative and binary traits. Nat Genet "
        "2021;53:1097–1103.",
    ),
    "permutation": ("Westfall PH, Young SS. Resampling-based multiple testing. Wiley 1993.",),
    "effective": (
        "Li J, Ji L. Adjusting multiple testing in multilocus analyses using the eigenvalues of a correlation matrix. "
        "Heredity 2005;95:221–227.",
    ),
    "firth": ("Firth D. Bias reduction of maximum likelihood estimates. Biometrika 1993;80:27–38.",),
    "efron": ("Efron B. The efficiency of Cox's likelihood function for censored data. J Am Stat Assoc 1977;72:557–565.",),
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
    "string": ("Szklarczyk D, et al. The STRING database in 2023. Nucleic Acids Res 2023;51:D638–D646.",),
    "mcl": ("van Dongen S. Graph clustering by flow simulation. PhD thesis, University of Utrecht 2000.",),
    "fdr": (
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to multiple "
        "testing. J R Stat Soc B 1995;57:289–300.",
    ),
    "conditional": (
        "Yang J, et al. Conditional and joint multiple-SNP analysis of GWAS summary statistics identifies additional variants "
        "influencing complex traits. Nat Genet 2012;44:369–375.",
    ),
    "susie": (
        "Wang G, Sarkar A, Carbonetto P, Stephens M. A simple new approach to variable selection in regression, with "
        "application to genetic fine mapping. J R Stat Soc B 2020;82:1273–1300.",
    ),
    "bayes_factors": (
        "Wakefield J. Bayes factors for genome-wide association studies: comparison with P-values. Genet Epidemiol "
        "2009;33:79–86.",
    ),
    "hc3": (
        "MacKinnon JG, White H. Some heteroskedasticity-consistent covariance matrix estimators with improved finite sample "
        "properties. J Econom 1985;29:305–325.",
    ),
    "winners_curse": (
        "Zhong H, Prentice RL. Bias-reduced estimators and confidence intervals for odds ratios in genome-wide association "
        "studies. Biostatistics 2008;9:621–634.",
    ),
    "hybrid": ("Andrews I, Kitagawa T, McCloskey A. Inference on winners. Q J Econ 2024;139:305–358.",),
    "multitrait": (
        "Liu Y, Xie J. Cauchy combination test: a powerful test with analytic p-value calculation under arbitrary dependency "
        "structures. J Am Stat Assoc 2020;115:393–402.",
    ),
    "haseman": (
        "Haseman JK, Elston RC. The investigation of linkage between a quantitative trait and a marker locus. Behav Genet "
        "1972;2:3–19.",
    ),
    "kinship": (
        "Manichaikul A, et al. Robust relationship inference in genome-wide association studies. Bioinformatics "
        "2010;26:2867–2873.",
    ),
    "components": (
        "Price AL, et al. Principal components analysis corrects for stratification in genome-wide association studies. Nat "
        "Genet 2006;38:904–909.",
    ),
    "inflation": ("Devlin B, Roeder K. Genomic control for association studies. Biometrics 1999;55:997–1004.",),
    "hwe": (
        "Wigginton JE, Cutler DJ, Abecasis GR. A note on exact tests of Hardy-Weinberg equilibrium. "
        "Am J Hum Genet 2005;76:887–893.",
    ),
    "daetwyler": (
        "Daetwyler HD, et al. Accuracy of predicting the genetic risk of disease using a genome-wide approach. PLoS One "
        "2008;3:e3395.",
    ),
    "regle": (
        "Yun T, et al. Unsupervised representation learning on high-dimensional clinical data improves genomic discovery and "
        "prediction. Nat Genet 2024;56:1604–1613.",
    ),
    "pgs_catalog": (
        "Lambert SA, et al. The Polygenic Score Catalog as an open database for reproducibility and systematic evaluation. Nat "
        "Genet 2021;53:420–425.",
    ),
    "strega": ("Little J, et al. Strengthening the reporting of genetic association studies (STREGA). PLoS Med 2009;6:e22.",),
}
CITATION = re.compile(r"\[@(\w+)\]")


def numbered(paragraphs: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paragraphs with `[@key]` as numbers, [1] or [2, 3], and the references in that order, each once."""
    keys = dict.fromkeys(key for paragraph in paragraphs for key in CITATION.findall(paragraph))
    cited = tuple(dict.fromkeys(reference for key in keys for reference in REFERENCES[key]))
    number = {reference: str(place) for place, reference in enumerate(cited, start=1)}

    def numbers(match: re.Match[str]) -> str:
        return f"[{', '.join(number[reference] for reference in REFERENCES[match.group(1)])}]"

    return tuple(CITATION.sub(numbers, paragraph) for paragraph in paragraphs), cited
