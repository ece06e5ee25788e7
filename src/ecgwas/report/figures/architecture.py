"""The network's steps with their dimensions, drawn from what the encoder saved about its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ecgwas.report.contents import Figure, RepresentationResults
from ecgwas.report.figures import svg as d

STEP, MIN_SIDE, TALLEST, WIDEST = 92.0, 8.0, 150.0, 46.0
"""Width of a step; smallest side, largest height and largest width of its box."""

COLOURS = {"encoder": d.BLUE, "decoder": d.GREEN, "features": d.VERMILION, "map": d.AMBER}
LINE = 14.0


def architecture(representation: RepresentationResults) -> Figure | None:
    """Each step as a box; height by samples (logarithm), width by channels (square root)."""
    steps = representation.architecture
    if not steps:
        return None
    rows = max(len(step["layers"]) for step in steps)
    middle = 62 + TALLEST / 2
    below = middle + TALLEST / 2 + 24
    parts = [part for place, step in enumerate(steps) for part in _step(place, step, steps, middle, below)]
    features = next(step for step in steps if step["step"] == "features")
    total = sum(int(step["parameters"]) for step in steps)
    caption = (
        f"The network of {representation.name}: {_shape(steps[0])} to {features['shape'][0]} features and back; "
        f"channels × samples after each step, {total:,} parameters. Height: samples, on a logarithmic scale; width: channels."
    )
    caption += " Each block of the encoder also passes its map to the decoder." if _hands_over(steps) else ""
    picture = d.svg(10 + STEP * len(steps), below + 18 + rows * LINE, parts, caption)
    return Figure(f"Architecture of {representation.name}", caption, picture, _table(steps).write_csv())


def _hands_over(steps: Sequence[Mapping[str, Any]]) -> bool:
    """True if maps skip the features: the decoder's blocks have skips and the encoder's have none."""
    skipping = {step["step"].split(" ")[0] for step in steps if any(layer.startswith("skip") for layer in step["layers"])}
    return skipping == {"decoder"}


def _step(place: int, step: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], middle: float, below: float) -> list[str]:
    x = 5 + (place + 0.5) * STEP
    width, height = _size(step, steps)
    colour = COLOURS.get(step["step"].split(" ")[0], d.MUTED)
    title = f"{step['step']}: {_shape(step)}, {step['parameters']:,} parameters"
    parts = [
        d.text(x, 18, step["step"], anchor="middle", size=12, fill=d.INK, font_weight="600"),
        d.text(x, 34, _shape(step), anchor="middle", size=12, fill=d.INK),
        d.rect(x - width / 2, middle - height / 2, width, height, colour, title=title, rx=2),
    ]
    if place + 1 < len(steps):
        end = 5 + (place + 1.5) * STEP - _size(steps[place + 1], steps)[0] / 2 - 4
        parts.append(d.line(x + width / 2 + 4, middle, end, middle, d.MUTED, 1.2))
        parts.append(
            d.line(end - 4, middle - 3, end, middle, d.MUTED, 1.2) + d.line(end - 4, middle + 3, end, middle, d.MUTED, 1.2)
        )
    parts += [d.text(x, below + k * LINE, layer, anchor="middle", size=10) for k, layer in enumerate(step["layers"])]
    if step["parameters"]:
        parts.append(d.text(x, 50, f"{step['parameters']:,}", anchor="middle", size=10))
    return parts


def _size(step: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Width and height of the box; features are a column of numbers."""
    channels, samples = _channels_and_samples(step)
    most_channels = max(_channels_and_samples(one)[0] for one in steps)
    most_samples = max(_channels_and_samples(one)[1] for one in steps)
    width = max(WIDEST * float(np.sqrt(channels / most_channels)), MIN_SIDE)
    height = max(TALLEST * float(np.log2(samples + 1) / np.log2(most_samples + 1)), MIN_SIDE)
    return width, height


def _channels_and_samples(step: Mapping[str, Any]) -> tuple[int, int]:
    shape = step["shape"]
    return (1, int(shape[0])) if len(shape) == 1 else (int(shape[0]), int(shape[1]))


def _shape(step: Mapping[str, Any]) -> str:
    return " × ".join(f"{side:,}" for side in step["shape"])


def _table(steps: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    rows = [
        {"step": step["step"], "shape": " x ".join(map(str, step["shape"])), "parameters": step["parameters"],
         "layers": "; ".join(step["layers"])}
        for step in steps
    ]  # fmt: skip
    return pl.DataFrame(rows)
