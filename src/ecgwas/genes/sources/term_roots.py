"""The groups of terms, and for each group the terms of ontologies whose descendants belong to it."""

from __future__ import annotations

CARDIOVASCULAR, IMMUNE, NEUROLOGICAL, METABOLIC, OTHER = "cardiovascular", "immune", "neurological", "metabolic", "other"

ROOTS = {
    CARDIOVASCULAR: {
        "EFO:0000319": "cardiovascular disease", "EFO:0004298": "cardiovascular measurement",
        "MONDO:0004995": "cardiovascular disorder", "HP:0001626": "abnormality of the cardiovascular system",
        "GO:0003013": "circulatory system process", "GO:0072359": "circulatory system development",
        "BTO:0000088": "cardiovascular system",
    },
    IMMUNE: {
        "EFO:0000540": "immune system disease", "EFO:0005741": "infectious disease", "MONDO:0005046": "immune system disorder",
        "MONDO:0005550": "infectious disease", "HP:0002715": "abnormality of the immune system",
        "GO:0002376": "immune system process", "BTO:0005810": "immune system",
    },
    NEUROLOGICAL: {
        "EFO:0000618": "nervous system disease", "EFO:0004464": "brain measurement",
        "MONDO:0005071": "nervous system disorder", "HP:0000707": "abnormality of the nervous system",
        "GO:0007399": "nervous system development", "GO:0050877": "nervous system process", "BTO:0001484": "nervous system",
    },
    METABOLIC: {
        "EFO:0000589": "metabolic disease", "EFO:0004468": "glucose measurement", "EFO:0004529": "lipid measurement",
        "EFO:0004725": "metabolite measurement", "MONDO:0005066": "metabolic disease",
        "HP:0001939": "abnormality of metabolism/homeostasis", "GO:0006629": "lipid metabolic process",
        "GO:0005975": "carbohydrate metabolic process",
    },
}  # fmt: skip
"""Group -> identifier -> name of the terms whose descendants belong to the group. A term is recognised by identifier or name,
as EFO includes terms of MONDO and HPO under their own identifiers."""
