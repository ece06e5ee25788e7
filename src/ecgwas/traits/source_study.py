"""Compares the covariates with the source study's by column name: age, sex, ten principal components, assessment centre."""

from __future__ import annotations

import re

from ecgwas.errors import first_few
from ecgwas.traits.covariates import PC_NAME, CovariateTable

COLUMNS = {
    "age": re.compile(r"(?i)(.*[^a-z])?age.*|(f\.|p)?21003([^\d].*)?"),
    "sex": re.compile(r"(?i).*(sex|gender|(?<![a-z])(fe)?male).*|(f\.|p)?(31|22001)([^\d].*)?"),
    "assessment centre": re.compile(r"(?i).*cent(er|re).*|(f\.|p)?54([^\d].*)?"),
}
"""Covariate of the source study -> pattern of its column names. UK Biobank's fields are 21003, 31, 22001 and 54."""
COMPONENTS = 10


def differences(table: CovariateTable) -> str | None:
    """Which covariates of the source study the used columns lack, and which they have in addition; None if there is neither."""
    scores = [name for name in table.names if PC_NAME.fullmatch(name)]
    named = {what: [name for name in table.names if pattern.fullmatch(name)] for what, pattern in COLUMNS.items()}
    absent = [what for what, names in named.items() if not names]
    if len(scores) != COMPONENTS:
        absent.append(f"ten principal components (there are {len(scores)})")
    absent += [f"{name} as categories (traits.categorical)" for name in named["assessment centre"] if name not in table.levels]
    known = {name for names in named.values() for name in names}
    further = [name for name in table.names if name not in known and name not in scores]
    words = [f"not found by name: {', '.join(absent)}"] if absent else []
    words += [f"used beyond these: {first_few(further)}"] if further else []
    if not words:
        return None
    return f"the source study's covariates are age, sex, ten principal components and assessment centre; {'; '.join(words)}"
