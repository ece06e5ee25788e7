"""ecgwas: how the human genome shapes the heartbeat."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from ecgwas.errors import EcgwasError
from ecgwas.study import Study

__all__ = ["EcgwasError", "Study", "__version__"]

try:
    __version__ = version("ecgwas")
except PackageNotFoundError:
    __version__ = "0+unknown"
