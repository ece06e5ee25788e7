"""Packages of the extras: optional parts of an installation, such as `pip install 'ecgwas[learn]'`.

`EXTRAS` says which package belongs to which extra; pyproject.toml has the same names. What needs such a package calls `require`
before any long work, or `load`, which also imports it. Nothing else of the program imports these packages at start-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from ecgwas.errors import ToolError


@dataclass(frozen=True)
class Extra:
    """An extra of the installation.

    modules   names under which its packages are imported
    needed_for   what it is needed for, in words
    includes   extras that are installed with it
    """

    modules: tuple[str, ...]
    needed_for: str
    includes: tuple[str, ...] = ()


EXTRAS = {
    "learn": Extra(("torch",), "networks, trained models of `torch.export`, scans on a GPU (`scan.kernel: torch`)"),
    "workflow": Extra(("snakemake",), "`ecgwas run --on local` and other profiles of Snakemake"),
    "slurm": Extra(("snakemake_executor_plugin_slurm",), "`ecgwas run --on slurm`", includes=("workflow",)),
    "simulate": Extra(("msprime",), "`ecgwas simulate`, `ecgwas null --simulated` and, with `learn`, `ecgwas demo`"),
    "onnx": Extra(("onnxruntime",), "trained models in ONNX"),
    "formats": Extra(("pydicom",), "recordings in DICOM"),
    "serve": Extra(("starlette", "uvicorn"), "`ecgwas serve`"),
}
"""Every extra for users; `all` has all of them."""

NAMES = {"snakemake_executor_plugin_slurm": "snakemake-executor-plugin-slurm"}
"""Modules whose package has another name."""

EXTRA_OF = {module: name for name, extra in EXTRAS.items() for module in extra.modules}


def is_installed(module: str) -> bool:
    """Whether a top-level module can be imported; it is not imported."""
    return find_spec(module) is not None


def require(*modules: str, by: str, where: object = None, otherwise: str = "") -> None:
    """Raises ToolError, with the command that installs them, unless all these modules of EXTRAS are installed.

    by: what needs them, the subject of the message. where: the file that asks for it. otherwise: how to do without.
    """
    absent = [module for module in modules if not is_installed(module)]
    if absent:
        raise _not_installed(absent, by, where, otherwise)


def load(module: str, *, by: str, where: object = None, otherwise: str = "") -> ModuleType:
    """The imported module. Raises ToolError as `require` does, also if it is installed but cannot be imported."""
    require(module, by=by, where=where, otherwise=otherwise)
    try:
        return import_module(module)
    except ImportError as error:
        problem = f"{by}: the package {_package(module)} is installed, but cannot be imported: {error}"
        fix = f"pip install --force-reinstall 'ecgwas[{EXTRA_OF[module]}]'"
        raise ToolError(problem, where=where, fix=fix) from None


def explanation(error: ModuleNotFoundError) -> ToolError | None:
    """An error with the command that installs the package, if the module that was not found is one of EXTRAS."""
    module = (error.name or "").split(".")[0]
    return _not_installed([module], "this", None, "") if module in EXTRA_OF and not is_installed(module) else None


def _not_installed(absent: list[str], by: str, where: object, otherwise: str) -> ToolError:
    packages = " and ".join(_package(module) for module in absent)
    named, are = ("package", "is") if len(absent) == 1 else ("packages", "are")
    problem = f"{by} needs the {named} {packages}, which {are} not installed"
    fix = f"{install_command([EXTRA_OF[module] for module in absent])}{', or ' if otherwise else ''}{otherwise}"
    return ToolError(problem, where=where, fix=fix)


def install_command(extras: list[str]) -> str:
    """`pip install 'ecgwas[a,b]'`, without extras that another one includes."""
    included = {name for extra in extras for name in EXTRAS[extra].includes}
    return f"pip install 'ecgwas[{','.join(dict.fromkeys(name for name in extras if name not in included))}]'"


def _package(module: str) -> str:
    return NAMES.get(module, module)
