"""Run by an interpreter that has the package fastlmm (Apache-2.0), not by that of ecgwas: tests the variants of a .bed.

python fastlmm_script.py FILE.bed FOLDER      reads traits, covariates and relationship .npy in FOLDER, writes fastlmm<k>.tsv
python fastlmm_script.py --version
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np


def main(bed: str, folder: Path) -> None:
    """One file per trait: variant, chi2, p."""
    from fastlmm.association import single_snp
    from pysnptools.kernelreader import KernelData
    from pysnptools.snpreader import Bed, SnpData

    traits, covariates, relationship = (
        np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("traits", "covariates", "relationship")
    )
    reader = Bed(bed, count_A1=True)
    for k in range(traits.shape[1]):
        # Taken out beforehand, because readers refuse an order of bytes that subsets in memory may have.
        people = np.flatnonzero(~np.isnan(traits[:, k]))
        variants = reader[people, :].read()
        iid = variants.iid
        kernel = KernelData(iid=iid, val=np.asfortranarray(relationship[np.ix_(people, people)]))
        names = [f"c{c}" for c in range(covariates.shape[1])]
        given = SnpData(iid=iid, sid=names, val=np.asfortranarray(covariates[people])) if names else None
        trait = SnpData(iid=iid, sid=["t"], val=traits[people, k][:, None].copy())
        tests = single_snp(variants, trait, K0=kernel, covar=given, leave_out_one_chrom=False, count_A1=True)
        rows = zip(tests["SNP"], (tests["SnpWeight"] / tests["SnpWeightSE"]) ** 2, tests["PValue"], strict=True)
        lines = [f"{name}\t{float(chi2)!r}\t{float(p)!r}\n" for name, chi2, p in rows]
        (folder / f"fastlmm{k}.tsv").write_text("variant\tchi2\tp\n" + "".join(lines))


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"fastlmm {version('fastlmm')}\n")
    else:
        main(sys.argv[1], Path(sys.argv[2]))
