"""Run by association.py in an environment with tensorqtl: CPU seconds per variant of map_trans, on the CPU.

    PYTHON association_tensorqtl.py FOLDER        FOLDER contains dosages.npy, traits.npy, covariates.npy

Two numbers of variants are timed, so that start-up can be subtracted; reading and data frames are not timed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tensorqtl import trans

LIMIT = 1e-3


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    dosages, traits, covariates = (np.load(folder / f"{name}.npy") for name in ("dosages", "traits", "covariates"))
    people = [f"p{i}" for i in range(len(traits))]
    genotypes = pd.DataFrame(dosages, index=[f"v{j}" for j in range(len(dosages))], columns=people)
    phenotypes = pd.DataFrame(traits.T, index=[f"f{k}" for k in range(traits.shape[1])], columns=people)
    known = pd.DataFrame(covariates, index=people)
    spent = []
    for count in (len(dosages) // 4, len(dosages)):
        start = time.process_time()
        trans.map_trans(
            genotypes.iloc[:count], phenotypes, known, return_sparse=True, pval_threshold=LIMIT, maf_threshold=0.0,
            batch_size=1_000, verbose=False,
        )  # fmt: skip
        spent.append(time.process_time() - start)
    print((spent[1] - spent[0]) / (len(dosages) - len(dosages) // 4))


if __name__ == "__main__":
    main()
