"""Whether a model in ONNX has weights in another file, found in its bytes before ONNX Runtime opens it.

ONNX Runtime looks for such files in the working directory if it is given bytes, and would use whatever lies there. Numbers of
fields are those of onnx.proto (github.com/onnx/onnx, file onnx/onnx.proto); wire types are those of Protocol Buffers.
"""

from __future__ import annotations

from collections.abc import Iterator

MESSAGES = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""Message -> number of a field -> message in it, as far as tensors can be below."""

EXTERNAL_DATA, DATA_LOCATION, EXTERNAL = 13, 14, 1
"""Fields of TensorProto, and the value of the second for data in another file."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
VARINT_BYTES = 10


def has_weights_elsewhere(content: bytes) -> bool:
    """True if a tensor of the model names another file. Raises ValueError if the bytes are no Protocol Buffers message."""
    waiting = [("model", memoryview(content))]
    while waiting:
        name, message = waiting.pop()
        for number, value in _fields(message):
            if name == "tensor" and (number == EXTERNAL_DATA or (number == DATA_LOCATION and value == EXTERNAL)):
                return True
            inner = MESSAGES[name].get(number)
            if inner is not None and isinstance(value, memoryview):
                waiting.append((inner, value))
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message: whole numbers, or the bytes of what has a length."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if wire == BYTES:
            length, place = _varint(message, place)
        elif wire in (FIXED32, FIXED64):
            length = 4 if wire == FIXED32 else 8
        else:
            raise ValueError(f"wire type {wire} of field {number}")
        if place + length > len(message):
            raise ValueError(f"field {number} is longer than the file")
        yield number, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A whole number of variable length, and the place behind it."""
    value = 0
    for count, byte in enumerate(message[place : place + VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, place + count + 1
    raise ValueError("a number has no end")
