"""The ECG by genotype: the effect of a locus on the waveform."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.report.contents import Figure, GenotypeBeats
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.recordings import GRID_LEADS, LARGE_SQUARE_UV

COLOURS = (d.BLUE, d.MUTED, d.VERMILION)
MOST_POINTS = 160
FEWEST = 5
"""The mean of fewer participants is neither drawn nor written: it would be nearly one person's recording."""

DECODED = (d.PINK, d.AMBER, d.SKY)
"""Colours of the effect as the first decoders draw it."""

WAVE, EFFECT, STRENGTH, ROW = 112, 62, 30, 222.0
"""Heights of the three panels of a lead, and distance from lead to lead."""


def ecg_by_genotype(beats: GenotypeBeats) -> Figure:
    """Mean median beat of 0, 1, 2 copies in twelve leads with 95 % bands; below, the effect of a copy and its -log10 p."""
    step = max(1, -(-len(beats.times_ms) // MOST_POINTS))
    drawn = slice(None, None, step)
    labels = [f"{copies(beats, k)} ({beats.people[k]:,})" for k in range(3)]
    keys = [(label, COLOURS[k]) for k, label in enumerate(labels) if beats.people[k] >= FEWEST]
    decoded = list(zip(beats.decoded, DECODED, strict=False))
    parts = d.legend(16, 18, [*keys, ("effect of one copy", d.GREEN), *((f"as decoded by {name}", c) for name, c in decoded)])
    effects = _range(np.stack([beats.slope_uv - beats.slope_half_width_uv, beats.slope_uv + beats.slope_half_width_uv]))
    strongest = max(float(np.nanmax(np.nan_to_num(beats.neglog10p))), 2.0)
    for row, leads in enumerate(GRID_LEADS):
        for column, lead in enumerate(leads):
            if lead in beats.leads:
                waves = _range(beats.mean_uv[:, _group(beats, lead)][beats.people >= FEWEST])
                at = (16 + column * 230.0, 32 + row * ROW)
                parts += _panel(beats, beats.leads.index(lead), at, (waves, effects, (0.0, strongest)), drawn)
    parts.append(d.text(16, 32 + 3 * ROW + 10, _key(effects, strongest)))
    caption = (
        f"{'' if beats.locus is None else f'Locus {beats.locus}, '}{beats.variant}: mean median beat of participants with 0, "
        f"1 and 2 copies of {beats.effect_allele}, with 95 % bands, unadjusted. Below each lead: the effect of one copy "
        f"(largest {np.nanmax(np.abs(beats.slope_uv)):.0f} µV) with its 95 % band, and its −log10 p at each time (grey, "
        f"largest {strongest:.1f})."
        f"{_also(beats)}"
    )
    picture = d.svg(930, 32 + 3 * ROW + 20, parts, caption)
    return Figure(f"ECG by genotype at {beats.variant}", caption, picture, _csv(beats, drawn))


def _also(beats: GenotypeBeats) -> str:
    """The part of the caption that depends on the locus."""
    decoded = list(beats.decoded)[: len(DECODED)]
    words = (
        f" Dashed: the same effect as {' and '.join(decoded)} draw{'s' * (len(decoded) == 1)} it from its features."
        if decoded
        else ""
    )
    not_drawn = [copies(beats, k) for k in range(3) if 0 < beats.people[k] < FEWEST]
    if beats.pooled is not None:
        rare, others = _letters(beats, beats.pooled), _letters(beats, 1)
        words += f" Few participants have {rare}: they are counted with {others}, also in the effect."
    return words + (f" Fewer than {FEWEST} participants have {' or '.join(not_drawn)}: no mean is shown." if not_drawn else "")


def _group(beats: GenotypeBeats, lead: str) -> list[int]:
    """Indices of the leads that share a scale with this one: chest leads, or limb leads."""
    chest = lead.startswith("V")
    return [i for i, other in enumerate(beats.leads) if other.startswith("V") == chest]


def copies(beats: GenotypeBeats, k: int) -> str:
    """The genotype in letters, with the one that is counted with it; long alleles by their number of copies."""
    if k == 1 and beats.pooled is not None:
        return " or ".join(_letters(beats, one) for one in sorted((1, beats.pooled)))
    return _letters(beats, k)


def _letters(beats: GenotypeBeats, k: int) -> str:
    a, b = beats.effect_allele, beats.other_allele
    if len(a) > 3 or len(b) > 3:
        return f"{k} copies of the allele"
    return (b + "/" + b, a + "/" + b, a + "/" + a)[k]


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = 0.06 * (high - low or 1.0)
    return low - room, high + room


Span = tuple[float, float]


def _panel(
    beats: GenotypeBeats, lead: int, at: tuple[float, float], spans: tuple[Span, Span, Span], drawn: slice
) -> list[str]:  # fmt: skip
    """Waves, below them the effect of one copy and its -log10 p; spans: microvolts, microvolts, -log10 p."""
    times = beats.times_ms[drawn]
    span = (float(beats.times_ms[0]), float(beats.times_ms[-1]))
    upper = d.Panel(at[0], at[1], 220, WAVE, span, spans[0])
    lower = d.Panel(at[0], upper.bottom + 4, 220, EFFECT, span, spans[1])
    lowest = d.Panel(at[0], lower.bottom + 4, 220, STRENGTH, span, spans[2])
    x = upper.x(times)
    parts = _paper(upper, spans[0])
    parts.append(d.line(lower.left, lower.y.at(0), lower.right, lower.y.at(0), d.MUTED, 0.7))
    for k in np.flatnonzero(beats.people >= FEWEST):
        mean, half = beats.mean_uv[k, lead, drawn], beats.half_width_uv[k, lead, drawn]
        parts.append(d.ribbon(x, upper.y(mean - half), upper.y(mean + half), COLOURS[k], 0.16))
        parts.append(d.polyline(x, upper.y(mean), COLOURS[k], 1.3))
    slope, half = beats.slope_uv[lead, drawn], beats.slope_half_width_uv[lead, drawn]
    parts.append(d.ribbon(x, lower.y(slope - half), lower.y(slope + half), d.GREEN, 0.25))
    parts.append(d.polyline(x, lower.y(slope), d.GREEN, 1.6))
    for (_, effect), colour in zip(beats.decoded.items(), DECODED, strict=False):
        parts.append(d.polyline(x, lower.y(effect[lead, drawn].astype(np.float64)), colour, 1.3, stroke_dasharray="4 2"))
    strength = np.nan_to_num(beats.neglog10p[lead, drawn])
    parts.append(d.ribbon(x, lowest.y(np.zeros(len(x))), lowest.y(strength), d.MUTED, 0.7))
    parts.append(d.line(lowest.left, lowest.bottom, lowest.right, lowest.bottom, d.MUTED, 0.7))
    parts.append(d.text(upper.left + 4, upper.top + 14, beats.leads[lead], size=13, fill=d.INK, font_weight="600"))
    return parts


def _paper(panel: d.Panel, waves: tuple[float, float]) -> list[str]:
    low, high = np.ceil(waves[0] / LARGE_SQUARE_UV), np.floor(waves[1] / LARGE_SQUARE_UV)
    rows = panel.y(np.arange(low, high + 1) * LARGE_SQUARE_UV)
    columns = panel.x(np.arange(-200, panel.x_range[1], 200))
    parts = [d.line(panel.left, float(y), panel.right, float(y), d.PAPER) for y in rows]
    return parts + [d.line(float(x), panel.top, float(x), panel.bottom, d.PAPER) for x in columns]


def _key(effects: Span, strongest: float) -> str:
    return (
        "lines: 0.2 s, 0.5 mV; limb leads on one scale, chest leads on another; in all leads: effect from "
        f"{d.label_of(round(effects[0]))} to {effects[1]:.0f} µV, −log10 p from 0 to {strongest:.1f}"
    )


def _csv(beats: GenotypeBeats, drawn: slice) -> str:
    frames = []
    for i, lead in enumerate(beats.leads):
        columns: dict[str, object] = {"lead": lead, "time_ms": beats.times_ms[drawn]}
        for k in range(3):
            enough = beats.people[k] >= FEWEST
            columns[f"mean_{k}_uv"] = np.where(enough, beats.mean_uv[k, i, drawn], np.nan)
            columns[f"half_width_{k}_uv"] = np.where(enough, beats.half_width_uv[k, i, drawn], np.nan)
        columns["slope_uv"], columns["slope_half_width_uv"] = beats.slope_uv[i, drawn], beats.slope_half_width_uv[i, drawn]
        columns["neglog10p"] = beats.neglog10p[i, drawn]
        columns |= {f"decoded_{name}_uv": effect[i, drawn].astype(np.float64) for name, effect in beats.decoded.items()}
        frames.append(pl.DataFrame(columns))
    numbers = pl.selectors.float()
    return pl.concat(frames).with_columns(numbers.fill_nan(None).round_sig_figs(6)).write_csv()
