"""The command `serve`: a browser of the results of studies, on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from ecgwas import extras
from ecgwas.commands.command_line import UserPath


@click.command(name="serve")
@click.argument("paths", metavar="STUDY.yaml|RESULTS ...", nargs=-1, required=True, type=UserPath(path_type=Path, exists=True))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1.  [default: a free one]")
@click.option("--private", is_flag=True, help="Also show tables of participants, and test variants again with genotypes.")
@click.option("--open", "opens", is_flag=True, help="Also open the address in the browser.")
def command(paths: tuple[Path, ...], port: int, private: bool, opens: bool) -> None:
    """Browse the whole results of one or several studies on this machine: any variant, trait and region."""
    extras.require("starlette", "uvicorn", by="`ecgwas serve`")
    from ecgwas.serve import server

    server.serve(paths, port=port, private=private, opens=opens, say=click.echo)
