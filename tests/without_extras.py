"""Commands and functions that need a package of an extra, called where there is none: `python -m tests.without_extras`.

It runs in the folder of test_extras.py and prints one JSON object: name of the case -> exit code, what was printed, and the
exception if it was none of ours. Every module of `extras.EXTRAS` is hidden before commands and methods are imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from ecgwas import extras

LEARNED = "  - {kind: residual_autoencoder, name: ae}\n  - {kind: vae, name: deep}\n"
MODEL = "  - {{kind: encoder, name: own, file: {}, outputs: 4, rate_hz: 500, leads: [I, II]}}\n"
COMMANDS = {
    "learn: check": ["check", "learned.yaml"], "learn: plan": ["plan", "learned.yaml"], "learn: run": ["run", "learned.yaml"],
    "learn: cluster": ["run", "learned.yaml", "--on", "slurm-array"],
    "learn: torch.export": ["check", "pt2.yaml"], "learn: network": ["check", "network.yaml"],
    "learn: GPU check": ["check", "gpu.yaml"], "learn: GPU run": ["run", "gpu.yaml"], "learn: demo": ["demo", "demo"],
    "workflow: local": ["run", "study.yaml", "--on", "local"],
    "slurm: slurm": ["run", "study.yaml", "--on", "slurm"],
    "simulate: cohort": ["simulate", "another"], "simulate: null": ["null", "study.yaml", "--simulated"],
    "simulate: demo": ["demo", "demo"],
    "onnx: check": ["check", "onnx.yaml"], "onnx: run": ["run", "onnx.yaml"],
    "formats: inspect": ["inspect", "dicom/anna.dcm"], "formats: check": ["check", "dicom.yaml"],
    "formats: run": ["run", "dicom.yaml"], "formats: stage": ["read", "dicom.yaml", "--part", "0000"],
    "formats: init": ["init", "hospital"],
    "serve: command": ["serve", "study.yaml"],
}  # fmt: skip
"""`extra: what` -> a command that ends with the message of that extra."""


class Hiding(PathFinder):
    """Finds what is installed, except packages of extras."""

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """None for the modules of `extras.EXTRAS`, as if they were not there."""
        return None if fullname.split(".")[0] in extras.EXTRA_OF else super().find_spec(fullname, path, target)


def write_studies(folder: Path) -> None:
    """The study files of COMMANDS, next to study.yaml of a feature table."""
    plain = (folder / "study.yaml").read_text()
    recordings = plain.replace("represent:", "read: {recordings: ecg}\nrepresent:").split("represent:")[0]
    rest = "traits:" + plain.split("traits:")[1]
    studies = {
        "learned": LEARNED, "pt2": MODEL.format("own.pt2"), "onnx": MODEL.format("own.onnx"),
        "network": MODEL.format("encoder.safetensors").replace("}", ", unit: uV}"),
        "dicom": "  - {kind: intervals, name: clinical}\n",
    }  # fmt: skip
    for name, represent in studies.items():
        text = f"{recordings}represent:\n{represent}{rest}"
        (folder / f"{name}.yaml").write_text(text.replace("ecg}", "dicom.csv}") if name == "dicom" else text)
    (folder / "dicom.csv").write_text("eid,path\n1000001,dicom/anna.dcm\n")
    (folder / "gpu.yaml").write_text(plain.replace("scan:\n", "scan:\n  kernel: torch\n"))


def functions(folder: Path) -> dict[str, Callable[[], Any]]:
    """`extra: what` -> a call in Python."""
    import ecgwas
    from ecgwas import represent, simulate
    from ecgwas.scan.engine import kernels
    from ecgwas.study import TrainedEncoder, Vae

    recording = folder / "dicom" / "anna.dcm"
    own = {"name": "own", "outputs": 4, "rate_hz": 500, "leads": ("I", "II")}
    return {
        "learn: fit": lambda: represent.fit(Vae(name="deep"), None, seed=1),
        "learn: load": lambda: represent.load(Vae(name="deep"), folder),
        "learn: kernel": lambda: kernels.make("torch", None),
        "onnx: fit": lambda: represent.fit(TrainedEncoder(file=folder / "own.onnx", **own), None, seed=1),
        "simulate: Python": lambda: simulate.simulate(folder / "another"),
        "formats: Python": lambda: ecgwas.read_recording(recording),
    }


def outcome(call: Callable[[], Any]) -> dict[str, Any]:
    """Exit code and message of an EcgwasError; of any other exception its name."""
    from ecgwas.errors import EcgwasError

    try:
        call()
    except EcgwasError as error:
        return {"code": error.exit_code, "text": str(error), "bug": ""}
    except Exception as error:
        return {"code": 1, "text": str(error), "bug": repr(error)}
    return {"code": 0, "text": "", "bug": ""}


def command(arguments: list[str]) -> dict[str, Any]:
    """The same of a command."""
    from click.testing import CliRunner

    from ecgwas.commands.cli import main

    done = CliRunner().invoke(main, arguments)
    bug = "" if done.exception is None or isinstance(done.exception, SystemExit) else repr(done.exception)
    return {"code": done.exit_code, "text": done.output, "bug": bug}


def run() -> None:
    """Every case, then the study of the table as a whole."""
    folder = Path.cwd()
    sys.meta_path[:] = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]
    write_studies(folder)
    outcomes = {name: command(arguments) for name, arguments in COMMANDS.items()}
    outcomes |= {name: outcome(call) for name, call in functions(folder).items()}
    outcomes["base: check"] = command(["check", "study.yaml"])
    outcomes["base: run"] = command(["run", "study.yaml"])
    sys.stdout.write("OUTCOMES " + json.dumps(outcomes) + "\n")


if __name__ == "__main__":
    run()
