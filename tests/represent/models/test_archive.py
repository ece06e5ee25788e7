"""Nothing in an archive of torch.export is unpickled or evaluated: what would be is refused before PyTorch sees it."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ecgwas.errors import InputError
from ecgwas.represent.models.archive import MODEL, without_pickles
from tests.represent.models.small import export_pt2, small

PARTS = dict[str, bytes]
WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"


class Malicious:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> PARTS:
    """Entries of a harmless archive, below its folder."""
    path = export_pt2(small(), tmp_path_factory.mktemp("archive") / "small.pt2", (8, 100))
    with zipfile.ZipFile(path) as archive:
        return {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}


def packed(parts: PARTS) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in parts.items():
            archive.writestr(f"any/{name}", data)
    return out.getvalue()


def changed(parts: PARTS, name: str, change: Callable[[Any], None]) -> PARTS:
    about = json.loads(parts[name])
    change(about)
    return parts | {name: json.dumps(about).encode()}


def problem_of(parts: PARTS) -> str:
    with pytest.raises(InputError) as caught:
        without_pickles(packed(parts), Path("model.pt2"))
    return caught.value.problem


def test_a_pickle_among_the_example_inputs_is_never_opened(parts: PARTS, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    harmful = parts | {"data/sample_inputs/model.pt": pickle.dumps(Malicious(trap))}
    program = torch.export.load(io.BytesIO(without_pickles(packed(harmful), Path("model.pt2"))))
    assert program.module()(torch.zeros(3, 8, 100)).shape == (3, 6)
    assert not trap.exists()


def test_pytorch_itself_would_have_opened_it(parts: PARTS, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    path = tmp_path / "harmful.pt2"
    path.write_bytes(packed(parts | {"data/sample_inputs/model.pt": pickle.dumps(Malicious(trap))}))
    with pytest.raises(Exception):  # noqa: B017 - whatever PyTorch makes of it
        torch.export.load(path)
    assert trap.exists()


def test_pickled_tensors_and_objects_are_refused(parts: PARTS) -> None:
    def pickled(about: Any) -> None:
        about["config"]["norm.bias"]["use_pickle"] = True

    def object_of_a_library(about: Any) -> None:
        about["config"]["thing"] = {"path_name": "opaque_obj_0", "use_pickle": False}

    assert "pickles: norm.bias" in problem_of(changed(parts, WEIGHTS, pickled))
    assert "pickles: thing" in problem_of(changed(parts, CONSTANTS, object_of_a_library))
    assert "unpickled or run: data/constants/opaque_obj_0" in problem_of(parts | {"data/constants/opaque_obj_0": b""})
    assert "unpickled or run: data/aotinductor/model/a.so" in problem_of(parts | {"data/aotinductor/model/a.so": b""})
    assert "unpickled or run: data/weights/model.pt" in problem_of(parts | {"data/weights/model.pt": b""})
    assert "before 2.8" in problem_of({"serialized_state_dict.pt": b"", "version": b"8.0"})


@pytest.mark.parametrize(
    "function", ["torch.load", "torch.ops.aten.from_file.default", "_operator.call", "os.system", "torch.os.system"]
)
def test_functions_outside_of_the_core_library_are_refused(parts: PARTS, function: str) -> None:
    def called(about: Any) -> None:
        about["graph_module"]["graph"]["nodes"][0]["target"] = function

    assert function in problem_of(changed(parts, MODEL, called))


def test_shapes_are_arithmetic(parts: PARTS) -> None:
    def evaluated(about: Any) -> None:
        sizes = about["graph_module"]["graph"]["tensor_values"]["recordings"]["sizes"]
        sizes[0]["as_expr"]["expr_str"] = "__import__('os').getcwd()"

    assert "not arithmetic" in problem_of(changed(parts, MODEL, evaluated))


def test_outputs_of_other_libraries_are_refused(parts: PARTS) -> None:
    def of_a_library(about: Any) -> None:
        spec = {"type": "transformers.ModelOutput", "context": "null", "children_spec": []}
        about["graph_module"]["module_call_graph"][0]["signature"]["out_spec"] = json.dumps([1, spec])

    assert "transformers.ModelOutput" in problem_of(changed(parts, MODEL, of_a_library))


def test_guards_are_not_carried_over(parts: PARTS) -> None:
    def guarded(about: Any) -> None:
        about["guards_code"] = ["__import__('os').getcwd() == ''"]

    clean = without_pickles(packed(changed(parts, MODEL, guarded)), Path("model.pt2"))
    with zipfile.ZipFile(io.BytesIO(clean)) as archive:
        assert json.loads(archive.read(f"model/{MODEL}"))["guards_code"] == []


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_what_is_no_archive(content: bytes) -> None:
    with pytest.raises(InputError, match="no archive of"):
        without_pickles(content, Path("model.pt2"))


def test_a_damaged_description(parts: PARTS) -> None:
    assert "damaged" in problem_of(parts | {MODEL: b"{"})
    assert "no archive" in problem_of({name: data for name, data in parts.items() if name != MODEL})
