"""The test for structure (mixed/structure.py) of a study's genotypes, before anything has run: some variants of some people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecgwas.genotypes import pruned_panel
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.readers import unpack
from ecgwas.mixed.structure import Structure, structure
from ecgwas.scan.relatives import copies_of

VARIANTS, PEOPLE = 512, 2000
"""At most so many, evenly spaced."""
MIN_VARIANTS = 100


def of_genotypes(opened: Sequence[Genotypes], eids: Sequence[str]) -> Structure | None:
    """Of the autosomes among the chromosomes; None if they have too few common variants, or fewer than two are there.

    eids: participants who are in the files of every chromosome.
    """
    autosomes = [part for part in opened if part.chrom in pruned_panel.AUTOSOMES and len(part)]
    if len(autosomes) < 2:
        return None
    chosen = [eids[i] for i in np.linspace(0, len(eids) - 1, min(len(eids), PEOPLE)).astype(np.int64)]
    stride = max(1, sum(len(part) for part in autosomes) // VARIANTS)
    codes, chromosome = [np.empty((0, len(chosen)), dtype=np.uint8)], list[int]()
    for part in autosomes:
        for start in range(stride // 2, len(part), stride):
            place = part.select(np.array([start]))
            ((_, block),) = pruned_panel.read_blocks(place, chosen, 1)
            if pruned_panel.is_common(block)[0]:
                codes.append(unpack(block.packed, block.people))
                chromosome.append(int(part.chrom))
    if len(chromosome) < MIN_VARIANTS:
        return None
    return structure(copies_of(np.concatenate(codes)), np.array(chromosome))
