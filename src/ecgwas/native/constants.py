"""Constants that the compiled part (_table.c) and Python share: setup.py passes each of them to the C compiler by name.

A build made with other values is not used (compiled.is_available).
"""

VERSION = 9
"""Of the functions in _table.c; raised whenever they change."""

PEOPLE_PER_BYTE = 4
"""Packed genotypes take two bits each."""

WORD_BYTES = 8
"""Rows of packed genotypes are padded to whole 64-bit words."""

CACHE_LINE = 64
"""Bytes of a cache line; a basis begins with one."""

LANES = 16
"""Columns that the table kernel handles together; float32 numbers of the widest vector."""

GROUP = 64
"""Traits whose missing calls are adjusted by the same method, on every machine; traits are padded to whole groups."""

CHUNK = 32
"""Bytes of a variant, a bit each in `nonzero`: 32 x 81 rows x 64 bytes = 162 KiB of tables."""

PANEL = 24
"""Chunks whose row lists are kept together: at most 6 MiB for a strip."""

MOST_LISTED = PEOPLE_PER_BYTE * CHUNK * PANEL
"""People whose row lists can be kept: one panel."""

KIN_WORDS = 80
"""Most 64-bit words of a strip of variants in which pairs of people are compared, a bit each: 5,120 variants."""

BINS_PER_UNIT = 100
"""Bins of the histograms of t squared are 1 / 100 wide."""

MIN_UNEXPLAINED = 1e-12
"""Share of a trait's variance that always counts as unexplained."""

SMALLEST_ROOT = 1e-6
"""A smaller diagonal of a Cholesky factor means that covariates are collinear in the remaining participants."""

T2_TOLERANCE = 8e-4
"""Relative change of t squared that the approximation for missing calls may cause; less than the margin within which tests are
refitted in float64 (regression.MARGIN)."""

NAMES = (
    "VERSION", "PEOPLE_PER_BYTE", "WORD_BYTES", "CACHE_LINE", "LANES", "GROUP", "CHUNK", "PANEL", "KIN_WORDS",
    "BINS_PER_UNIT", "MIN_UNEXPLAINED", "SMALLEST_ROOT", "T2_TOLERANCE",
)  # fmt: skip
"""Constants passed to the compiler."""
