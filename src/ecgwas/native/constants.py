"""Numbers that the compiled part (_table.c) and Python share: setup.py hands each of them to the C compiler by its name.

A build that was made with other numbers is not used (compiled.there).
"""

VERSION = 6
"""Of the functions in _table.c; raised whenever they change."""

LANES = 16
"""Columns that the table kernel handles together; float32 numbers of the widest vector."""

GROUP = 64
"""Traits whose missing calls are put right in the same way, on every machine; traits are padded to whole groups."""

CHUNK = 32
"""Bytes of a variant, a bit each in `filled`: 32 x 81 rows x 64 bytes = 162 KiB of tables."""

PANEL = 24
"""Chunks whose lists are kept together: at most 6 MiB for a strip."""

MOST_LISTED = 4 * CHUNK * PANEL
"""People whose lists can be kept: one panel."""

BINS_PER_UNIT = 100
"""Bins of the histograms of t squared are 1 / 100 wide."""

SMALLEST_SHARE = 1e-12
"""Share of a trait's variance that is left unexplained at least."""

TRUST = 8e-4
"""Share of t squared that the shortcut for missing calls may move; less than the margin within which tests are computed again
in float64 (regression.MARGIN)."""

NAMES = ("VERSION", "LANES", "GROUP", "CHUNK", "PANEL", "BINS_PER_UNIT", "SMALLEST_SHARE", "TRUST")
"""Those handed to the compiler."""
