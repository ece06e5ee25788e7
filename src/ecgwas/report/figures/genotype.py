"""The ECG by genotype: the effect of a locus on the waveform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.report.contents import Figure
from ecgwas.report.figures import ecg_grid
from ecgwas.report.figures import svg as d
from ecgwas.report.mean_beats import GenotypeBeats
from ecgwas.report.plot_data import Curve, PlotData

COLOURS = (d.BLUE, d.MUTED, d.VERMILION)
FEWEST = 5
"""The mean of fewer participants is neither drawn nor written: it would be nearly one person's recording."""

DECODED = (d.PINK, d.AMBER, d.SKY)
"""Colours of the effect as the first decoders draw it."""

WAVE, EFFECT, STRENGTH, BETWEEN = 112, 62, 50, 5
"""Heights of the three panels of a lead, and the space between them."""

ROW, DIFFERENCE_ROW = 259.0, 150.0
"""Distance from lead to lead."""

TOP = 34.0
WAVES, EFFECTS, STRENGTHS = range(3)
"""Panels of a lead."""

Floats = NDArray[np.float64]
Span = tuple[float, float]


@dataclass(frozen=True)
class _Lead:
    """A lead of the figure: its number among the leads of the beats and in the grid, and its panels."""

    lead: int
    number: int
    panels: tuple[d.Panel, ...]

    def index(self, panel: int) -> int:
        """The number of one of its panels in the figure."""
        return self.number * len(self.panels) + panel


def ecg_by_genotype(beats: GenotypeBeats, limit: float | None = None, name: str = "ecg_by_genotype") -> Figure:
    """Mean median beat of 0, 1, 2 copies in twelve leads with 95 % bands; below, the effect of a copy and its -log10 p.

    limit: -log10 p of the study's threshold, drawn with the -log10 p; None: not drawn;  name: of the figure, unique on its page
    """
    drawn = ecg_grid.drawn(beats.times_ms)
    keys: list[tuple[str, str, str]] = [(_people(beats, k), COLOURS[k], "band") for k in _enough(beats)]
    keys += [("effect of one copy", d.GREEN, "band"), ("its −log10 p", d.MUTED, "area")]
    keys += [(f"effect as decoded by {decoder}", colour, "dashed") for decoder, colour in _decoders(beats)]
    effects = ecg_grid.span_of(
        np.stack([beats.slope_uv - beats.slope_half_width_uv, beats.slope_uv + beats.slope_half_width_uv])
    )
    strongest = float(np.nanmax(np.nan_to_num(beats.neglog10p)))
    top = max(strongest, 2.0, 0.0 if limit is None else limit) * 1.06
    parts, panels, curves = ecg_grid.key(ecg_grid.LEFT, 18, keys), list[d.Panel](), list[Curve]()
    for number, (lead, x, y, first) in enumerate(ecg_grid.places(beats.leads, TOP, ROW)):
        waves = ecg_grid.span_of(beats.mean_uv[:, ecg_grid.group(beats.leads, lead)][beats.people >= FEWEST])
        one = _Lead(beats.leads.index(lead), number, _panels(beats, (x, y), (waves, effects, (0.0, top))))
        panels += one.panels
        parts += [*_waves(beats, one, drawn, name), *_effects(beats, one, drawn, name, first)]
        parts += _strengths(beats, one, drawn, limit, name, first)
        curves += _curves(beats, one, drawn)
    caption = _caption(beats, strongest, limit)
    picture, plot = d.svg(930, TOP + 3 * ROW, parts, caption), PlotData(panels, (), curves, range(len(panels)), "ms")
    return Figure(f"ECG by genotype at {beats.variant}", caption, picture, _csv(beats, drawn), plot)


@dataclass(frozen=True)
class _Difference:
    """Mean beat of genotype `high` minus that of `low`, half its interval, and what the effect of one copy predicts, (12, T) µV
    each."""

    low: int
    high: int
    mean: Floats
    half: Floats
    predicted: Floats

    @classmethod
    def of(cls, beats: GenotypeBeats, low: int, high: int) -> _Difference:
        half = np.hypot(beats.half_width_uv[high], beats.half_width_uv[low])
        return cls(low, high, beats.mean_uv[high] - beats.mean_uv[low], half, (high - low) * beats.slope_uv)

    @property
    def multiple(self) -> str:
        """What is predicted, in words."""
        return "effect of one copy" if self.high - self.low == 1 else "twice the effect of one copy"


def difference(beats: GenotypeBeats, name: str = "difference") -> Figure | None:
    """Mean median beat of 2 copies minus that of 0 (1 minus 0, or 2 minus 1, where too few participants have a genotype), in
    twelve leads with 95 % bands; dashed, what the effect of one copy predicts. None where no two genotypes can be compared.

    name: as above
    """
    enough, drawn = _enough(beats), ecg_grid.drawn(beats.times_ms)
    if len(enough) < 2:
        return None
    compared = _Difference.of(beats, enough[0], enough[-1])
    words = f"{copies(beats, compared.high)} minus {copies(beats, compared.low)}"
    span = ecg_grid.span_of(np.stack([compared.mean - compared.half, compared.mean + compared.half, compared.predicted]))
    parts = ecg_grid.key(ecg_grid.LEFT, 18, [(words, d.VERMILION, "band"), (compared.multiple, d.GREEN, "dashed")])
    panels, curves = list[d.Panel](), list[Curve]()
    for number, (lead, x, y, first) in enumerate(ecg_grid.places(beats.leads, TOP, DIFFERENCE_ROW)):
        panel, i = d.Panel(x, y, ecg_grid.WIDTH, WAVE, _times(beats), span), beats.leads.index(lead)
        panels.append(panel)
        marks = [ecg_grid.paper(panel), *_difference_marks(panel, beats.times_ms[drawn], compared, i, drawn)]
        parts += [d.zoomable(number, panel, marks, name), ecg_grid.times(panel, number)]
        parts += [
            ecg_grid.name_of_lead(panel, lead),
            *ecg_grid.heights(panel, panel.y.ticks(4), "difference, µV" if first else None),
        ]
        curves += [Curve(number, beats.times_ms[drawn], compared.mean[i, drawn], words, "µV", 1),
                   Curve(number, beats.times_ms[drawn], compared.predicted[i, drawn], compared.multiple, "µV", 1)]  # fmt: skip
    caption = _difference_caption(beats, compared)
    picture = d.svg(930, TOP + 3 * DIFFERENCE_ROW, parts, caption)
    plot = PlotData(panels, (), curves, range(len(panels)), "ms")
    return Figure(
        f"Difference between genotypes at {beats.variant}", caption, picture, _difference_csv(beats, drawn, compared), plot
    )


def _difference_marks(panel: d.Panel, times: Floats, compared: _Difference, lead: int, drawn: slice) -> list[str]:
    x, zero = panel.x(times), panel.y.at(0)
    mean, half, predicted = (values[lead, drawn] for values in (compared.mean, compared.half, compared.predicted))
    return [
        d.line(panel.left, zero, panel.right, zero, d.MUTED, 0.7),
        ecg_grid.band(x, panel.y(mean - half), panel.y(mean + half), d.VERMILION, 0.22),
        ecg_grid.curve(x, panel.y(predicted), d.GREEN, 1.2, stroke_dasharray="4 2"),
        ecg_grid.curve(x, panel.y(mean), d.VERMILION, 1.5),
    ]


def _difference_caption(beats: GenotypeBeats, compared: _Difference) -> str:
    low, high = compared.low, compared.high
    return (
        f"{_locus(beats)}: mean median beat of participants with {copies(beats, high)} ({beats.people[high]:,}) minus that of "
        f"those with {copies(beats, low)} ({beats.people[low]:,}), with its 95 % band, unadjusted; all leads on one scale, "
        f"times in ms from R. Dashed: {compared.multiple}, as it would be if each copy had the same effect. Largest difference "
        f"{np.nanmax(np.abs(compared.mean)):.0f} µV."
    )


def _enough(beats: GenotypeBeats) -> list[int]:
    """Genotypes of enough participants."""
    return [int(k) for k in np.flatnonzero(beats.people >= FEWEST)]


def _people(beats: GenotypeBeats, k: int) -> str:
    return f"{copies(beats, k)} ({beats.people[k]:,})"


def _decoders(beats: GenotypeBeats) -> list[tuple[str, str]]:
    """Decoders whose effect is drawn, with their colours."""
    return list(zip(beats.decoded, DECODED, strict=False))


def _locus(beats: GenotypeBeats) -> str:
    return f"{'' if beats.locus is None else f'Locus {beats.locus}, '}{beats.variant}"


def _times(beats: GenotypeBeats) -> Span:
    return float(beats.times_ms[0]), float(beats.times_ms[-1])


def _caption(beats: GenotypeBeats, strongest: float, limit: float | None) -> str:
    dashed = "" if limit is None else f"; dashed is the study's threshold, {limit:.2f}"
    largest = np.nanmax(np.abs(beats.slope_uv))
    return (
        f"{_locus(beats)}: mean median beat of participants with 0, 1 and 2 copies of {beats.effect_allele}, with 95 % bands, "
        f"unadjusted, on ECG paper (large squares 0.2 s and 0.5 mV; limb leads on one scale, chest leads on another; times in "
        f"ms from R). Below each lead: the effect of one copy (largest {largest:.0f} µV) with its 95 % band, and its −log10 p "
        f"at each time (largest {strongest:.1f}{dashed}).{_also(beats)}"
    )


def _also(beats: GenotypeBeats) -> str:
    """The part of the caption that depends on the locus."""
    decoded = [decoder for decoder, _ in _decoders(beats)]
    words = (
        f" Dashed in colour: the same effect as {' and '.join(decoded)} draw{'s' * (len(decoded) == 1)} it from its features."
        if decoded
        else ""
    )
    not_drawn = [copies(beats, k) for k in range(3) if 0 < beats.people[k] < FEWEST]
    if beats.pooled is not None:
        rare, others = _letters(beats, beats.pooled), _letters(beats, 1)
        words += f" Few participants have {rare}: they are counted with {others}, also in the effect."
    return words + (f" Fewer than {FEWEST} participants have {' or '.join(not_drawn)}: no mean is shown." if not_drawn else "")


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


def _panels(beats: GenotypeBeats, at: tuple[float, float], spans: tuple[Span, Span, Span]) -> tuple[d.Panel, ...]:
    """Panels of waves, effect and -log10 p, one below the other."""
    panels, y = [], at[1]
    for height, span in zip((WAVE, EFFECT, STRENGTH), spans, strict=True):
        panels.append(d.Panel(at[0], y, ecg_grid.WIDTH, height, _times(beats), span))
        y += height + BETWEEN
    return tuple(panels)


def _waves(beats: GenotypeBeats, one: _Lead, drawn: slice, name: str) -> list[str]:
    panel = one.panels[WAVES]
    means = ((beats.mean_uv[k, one.lead, drawn], beats.half_width_uv[k, one.lead, drawn], COLOURS[k]) for k in _enough(beats))
    marks = ecg_grid.mean_waves(panel, beats.times_ms[drawn], means)
    clipped = d.zoomable(one.index(WAVES), panel, marks, name)
    return [clipped, *ecg_grid.scale_bar(panel), ecg_grid.name_of_lead(panel, beats.leads[one.lead])]


def _effects(beats: GenotypeBeats, one: _Lead, drawn: slice, name: str, first: bool) -> list[str]:
    panel, zero = one.panels[EFFECTS], one.panels[EFFECTS].y.at(0)
    x = panel.x(beats.times_ms[drawn])
    slope, half = beats.slope_uv[one.lead, drawn], beats.slope_half_width_uv[one.lead, drawn]
    marks = [
        d.line(panel.left, zero, panel.right, zero, d.MUTED, 0.7),
        ecg_grid.band(x, panel.y(slope - half), panel.y(slope + half), d.GREEN, 0.25),
        ecg_grid.curve(x, panel.y(slope), d.GREEN, 1.6),
    ]
    for decoder, colour in _decoders(beats):
        effect = beats.decoded[decoder][one.lead, drawn].astype(np.float64)
        marks.append(ecg_grid.curve(x, panel.y(effect), colour, 1.3, stroke_dasharray="4 2"))
    ticks = ecg_grid.heights(panel, panel.y.ticks(5), "effect, µV" if first else None)
    return [d.zoomable(one.index(EFFECTS), panel, marks, name), *ticks]


def _strengths(beats: GenotypeBeats, one: _Lead, drawn: slice, limit: float | None, name: str, first: bool) -> list[str]:
    panel = one.panels[STRENGTHS]
    x = panel.x(beats.times_ms[drawn])
    strength = np.nan_to_num(beats.neglog10p[one.lead, drawn])
    height = panel.y(strength)
    needed = ecg_grid.corners(height)
    # Back along the axis, so that the area is closed.
    outline = [*zip(x[needed], height[needed], strict=True), (x[-1], panel.bottom), (x[0], panel.bottom)]
    points = " ".join(f"{d.number(a)},{d.number(b)}" for a, b in outline)
    marks = [f"<polygon points='{points}' fill='{d.MUTED}' fill-opacity='0.7'/>"]
    parts = [d.zoomable(one.index(STRENGTHS), panel, marks, name), ecg_grid.times(panel, one.index(STRENGTHS))]
    if limit is not None:
        at = panel.y.at(limit)
        parts.append(d.line(panel.left, at, panel.right, at, d.INK, 0.9, stroke_dasharray="5 4"))
    return [*parts, *ecg_grid.heights(panel, panel.y.ticks(2), "−log10 p" if first else None)]


def _curves(beats: GenotypeBeats, one: _Lead, drawn: slice) -> list[Curve]:
    """What is read off at the pointer."""
    times = beats.times_ms[drawn]
    curves = [Curve(one.index(WAVES), times, beats.mean_uv[k, one.lead, drawn], _people(beats, k), "µV", 1)
              for k in _enough(beats)]  # fmt: skip
    curves.append(Curve(one.index(EFFECTS), times, beats.slope_uv[one.lead, drawn], "effect of one copy", "µV", 1))
    curves += [Curve(one.index(EFFECTS), times, beats.decoded[decoder][one.lead, drawn], f"decoded by {decoder}", "µV", 1)
               for decoder, _ in _decoders(beats)]  # fmt: skip
    return [*curves, Curve(one.index(STRENGTHS), times, beats.neglog10p[one.lead, drawn], "−log10 p")]


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


def _difference_csv(beats: GenotypeBeats, drawn: slice, compared: _Difference) -> str:
    frames = [
        pl.DataFrame(
            {
                "lead": lead,
                "time_ms": beats.times_ms[drawn],
                "difference_uv": compared.mean[i, drawn],
                "half_width_uv": compared.half[i, drawn],
                "predicted_uv": compared.predicted[i, drawn],
            }
        )
        for i, lead in enumerate(beats.leads)
    ]
    numbers = pl.selectors.float()
    return pl.concat(frames).with_columns(numbers.fill_nan(None).round_sig_figs(6)).write_csv()
