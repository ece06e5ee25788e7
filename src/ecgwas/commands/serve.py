"""The command `serve`: a browser of the results of studies, on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ecgwas import extras


def serve(paths: Sequence[Path], *, port: int, private: bool, opens: bool, say: Callable[[str], None]) -> None:
    """Serves the results of studies until it is interrupted; arguments and errors are those of `serve.server.serve`.

    Raises ToolError, with the command that installs them, unless the packages of the extra `serve` are installed.
    """
    extras.require("starlette", "uvicorn", by="`ecgwas serve`")
    from ecgwas.serve import server

    server.serve(paths, port=port, private=private, opens=opens, say=say)
