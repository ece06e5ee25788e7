"""Archives of torch.export (.pt2) without anything that would be unpickled or evaluated when they are loaded.

`torch.export.load` unpickles the example inputs of every archive, tensors that are marked as pickled, and custom objects. It
also evaluates texts in the graph (shapes, guards, names of functions), so that an archive can run any program. Here the entries
are listed first. The archive is copied with its graph and its plain tensors alone: without the example inputs, which running
does not need; an archive that needs anything else is refused. A graph may call functions of PyTorch's core library.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ecgwas.errors import InputError, first_few

MODEL = "models/model.json"
CONFIGS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
TENSORS = re.compile(r"data/(weights/weight|constants/tensor)_\d+")
KEPT = re.compile(r"archive_format|archive_version|byteorder|\.data/(version|serialization_id)|\.format_version")
NOT_COPIED = re.compile(r"data/sample_inputs/.*|extra/.*|\.storage_alignment")
FUNCTION = re.compile(
    r"torch\.ops\.aten\.(?!from_file\b)\w+\.\w+"
    r"|_operator\.(add|and_|eq|floordiv|ge|getitem|gt|le|lt|mod|mul|ne|neg|not_|or_|pos|pow|sub|truediv)"
    r"|torch\.sym_\w+|math\.(ceil|floor|trunc)"
)
"""Functions that a graph may call."""
SYMBOL = re.compile(r"Symbol\('[a-z]+\d+'(, [a-z]+=(True|False))*\)|\b[su]\d+\b|\b(Integer|Max|Min|Mod|FloorDiv|Add|Mul|Pow)\b")
ARITHMETIC = re.compile(r"[\d\s+\-*/(),]*")
"""What remains of the text of a shape without its symbols."""
CONTAINERS = {None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"}
"""What a program's inputs and outputs may be arranged in."""
OLD_FORMAT = ("serialized_state_dict.pt", "serialized_exported_program.json")


def without_pickles(content: bytes, where: Path) -> bytes:
    """The archive with nothing left that is unpickled or evaluated. Raises InputError if it is none or needs such an entry."""
    entries = _entries(content, where)
    if any(name in entries for name in OLD_FORMAT):
        problem = "this archive keeps its weights as a pickle, as PyTorch before 2.8 wrote it"
        raise _refused(problem, where, "export it again with PyTorch 2.8 or newer, or to ONNX")
    if MODEL not in entries or not all(name in entries for name in CONFIGS):
        raise _refused("this is no archive of torch.export.save", where, "write it with torch.export.save(program, file)")
    other = [name for name in entries if not _is_known(name)]
    if other:
        problem = f"the archive holds entries that would be unpickled or run: {first_few(other)}"
        raise _refused(problem, where, "save a program whose parameters, buffers and constants are plain tensors")
    for name in CONFIGS:
        _check_tensors(_json(entries[name], where), where)
    kept = {name: data for name, data in entries.items() if not NOT_COPIED.fullmatch(name)}
    kept[MODEL] = _checked_graph(_json(entries[MODEL], where), where)
    kept["data/sample_inputs/model.pt"] = b""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in kept.items():
            archive.writestr(f"model/{name}", data)
    return out.getvalue()


def _entries(content: bytes, where: Path) -> dict[str, bytes]:
    """Entries by name below the archive's one folder, which has any name."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(set(names)) < len(names):
                raise zipfile.BadZipFile("an entry is there twice")
            folders = {name.split("/", 1)[0] for name in names}
            prefix = f"{folders.pop()}/" if len(folders) == 1 and MODEL not in names else ""
            return {name.removeprefix(prefix): archive.read(name) for name in names}
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        problem = f"this is no archive of torch.export.save: {error}"
        raise _refused(problem, where, "write it with torch.export.save(program, file)") from None


def _is_known(name: str) -> bool:
    listed = name in (MODEL, *CONFIGS)
    return listed or any(pattern.fullmatch(name) is not None for pattern in (TENSORS, KEPT, NOT_COPIED))


def _json(data: bytes, where: Path) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise _refused("the archive's description of the program is damaged", where, "export it again") from None


def _check_tensors(config: Any, where: Path) -> None:
    """Refuses tensors that are stored as pickles, and constants that are no tensors."""
    tensors = config.get("config", {}) if isinstance(config, dict) else {}
    pickled = [
        name
        for name, about in tensors.items()
        if about.get("use_pickle") is not False or not re.fullmatch(r"(weight|tensor)_\d+", str(about.get("path_name")))
    ]
    if pickled:
        problem = f"the archive keeps these as pickles: {first_few(pickled)}"
        fix = "make them plain, contiguous tensors before the export, or export to ONNX"
        raise _refused(problem, where, fix)


def _checked_graph(program: Any, where: Path) -> bytes:
    """The program's description with its guards and its notes on the source removed, once everything in it is known."""
    fix = "export a module of PyTorch's own functions, or export to ONNX"
    functions = {str(node.get("target")) for node in _dicts(program, "nodes")}
    unknown = sorted(name for name in functions if not FUNCTION.fullmatch(name))
    if unknown:
        raise _refused(f"the program calls functions that are not allowed: {first_few(unknown)}", where, fix)
    for text in _texts(program, "expr_str"):
        if not ARITHMETIC.fullmatch(SYMBOL.sub("", text)):
            raise _refused(f"a shape of the program is not arithmetic: {text[:60]}", where, fix)
    for text in (*_texts(program, "in_spec"), *_texts(program, "out_spec")):
        kinds = {kind for kind in _types(_json(text.encode(), where)) if kind not in CONTAINERS}
        if kinds:
            listed = first_few(sorted(map(str, kinds)))
            fix = "return a tensor, or a tuple or dict of tensors, from the module that is exported"
            raise _refused(f"the program's inputs or outputs are objects of other libraries: {listed}", where, fix)
    for node in _dicts(program, "nodes"):
        node["metadata"] = {}
    program["guards_code"] = []
    program["graph_module"]["treespec_namedtuple_fields"] = {}
    return json.dumps(program).encode()


def _dicts(value: Any, key: str) -> Iterator[dict[str, Any]]:
    """Every dict in the lists that stand under this key, at any depth."""
    for listed in _values(value, key):
        yield from (each for each in listed if isinstance(each, dict))


def _texts(value: Any, key: str) -> Iterator[str]:
    """Every text under this key, at any depth."""
    yield from (text for text in _values(value, key) if isinstance(text, str))


def _values(value: Any, key: str) -> Iterator[Any]:
    if isinstance(value, dict):
        if value.get(key):
            yield value[key]
        for inner in value.values():
            yield from _values(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner, key)


def _types(spec: Any) -> Iterator[Any]:
    """The type of every container in a description of inputs or outputs."""
    if isinstance(spec, dict):
        yield spec.get("type")
    for inner in spec.values() if isinstance(spec, dict) else spec if isinstance(spec, list) else ():
        if isinstance(inner, dict | list):
            yield from _types(inner)


def _refused(problem: str, where: Path, fix: str) -> InputError:
    return InputError(problem, where=where, fix=fix)
