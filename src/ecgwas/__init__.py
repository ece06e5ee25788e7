"""ecgwas: how the human genome shapes the heartbeat.

    import ecgwas
    results = ecgwas.open("my_study/results")     tables and plots of a finished study
    ecgwas.scan_variants(traits, covariates, genotypes)     the methods as functions of arrays

docs/api.md lists everything. `import ecgwas` loads no library: each name loads what it needs when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgwas.errors import EcgwasError

if TYPE_CHECKING:
    from importlib.metadata import version

    from ecgwas.api.association import (
        PermutationThreshold,
        VariantScan,
        find_loci,
        permutation_threshold,
        scan_variants,
    )
    from ecgwas.api.recordings import Delineation, delineate, read_recording
    from ecgwas.api.results import Results, open
    from ecgwas.study import Study

    __version__ = version("ecgwas")

__all__ = [
    "Delineation", "EcgwasError", "PermutationThreshold", "Results", "Study", "VariantScan", "__version__", "delineate",
    "find_loci", "open", "permutation_threshold", "read_recording", "scan_variants",
]  # fmt: skip

_MODULES = {
    "Study": "ecgwas.study",
    **dict.fromkeys(("Results", "open"), "ecgwas.api.results"),
    **dict.fromkeys(("Delineation", "delineate", "read_recording"), "ecgwas.api.recordings"),
    **dict.fromkeys(
        ("PermutationThreshold", "VariantScan", "find_loci", "permutation_threshold", "scan_variants"),
        "ecgwas.api.association",
    ),
}
"""Name -> the module that defines it, imported when the name is first used."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        from importlib import import_module, metadata

        if name == "__version__":
            try:
                value = metadata.version("ecgwas")
            except metadata.PackageNotFoundError:
                value = "0+unknown"
        elif name in _MODULES:
            value = getattr(import_module(_MODULES[name]), name)
        else:
            raise AttributeError(f"module 'ecgwas' has no attribute '{name}'")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
