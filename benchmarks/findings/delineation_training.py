"""Trains the network of `ecgwas.delineation.network` on LUDB, and one for each fold of its people.

    python -m benchmarks.findings.delineation_training --ludb DIR --out FOLDER [--folds 5] [--epochs N] [--seed S]

Writes FOLDER/network.safetensors, trained on everyone, and fold0.safetensors, ..., each trained without a fifth of the
people, whose numbers are written with the weights (`left_out`). Needs torch (extra `learn`) and about two minutes of CPU
for each network.

Examples are median beats (over all, odd and even normal beats) and single normal beats of twelve leads. The target of a lead
is the median of its marks over the normal beats; the target of all leads together is the median over beats of the median
over leads in which the wave is marked (at least six). A point that is marked in few beats, or at changing distances from R,
is no target; a wave that is marked in hardly any beat is absent. Each example is varied at random: a choice of leads,
amplitude, sign, tempo, shift in time, noise and baseline.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter1d
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmarks.findings.delineation_marks import ENDS, LUDB_HZ, Marked, Marks, ludb
from ecgwas.delineation.network import AFTER_R, BEFORE_R, CHANNELS, GRID_MS, channels, on_grid
from ecgwas.ecg.beats import find_beats, window_samples
from ecgwas.ecg.clean import highpass
from ecgwas.leads import LEADS
from ecgwas.study import BeatOptions

Floats = NDArray[np.float64]
WIDTH, DILATIONS, MIXED, KERNEL, FIRST_KERNEL = 24, (1, 2, 4, 8, 16, 4), (1, 3, 5), 5, 7
UNKNOWN, PRESENT, ABSENT = 0, 1, 2
PRESENT_SHARE, ABSENT_SHARE, MAX_SPREAD_MS = 0.6, 0.2, 20.0
"""A point marked in more beats than the first share, with a robust SD below the last, is a target; below the second it is
absent."""
SINGLE_BEATS = 5
SPREAD_MS = (8.0, 8.0, 5.0, 6.0, 12.0)
"""SD of the Gaussian around a mark that the network should predict."""
BATCH, RATE, DECAY, AVERAGE_DECAY = 16, 4e-3, 1e-2, 0.995
MIN_BEATS = 3


@dataclass(frozen=True)
class Variation:
    """How examples are varied for one member of the network.

    leads    numbers of leads in a batch;  mixed  share of examples whose leads are mixtures, as leads elsewhere on the body
    tempo    SD of the logarithm of the factor that stretches time;  blurred  share of examples of less bandwidth
    drift_uv SD of a slow wave;  epochs  passes over the examples
    """

    leads: tuple[int, ...]
    mixed: float
    tempo: float
    blurred: float
    drift_uv: float
    epochs: int


MEMBERS = (Variation((1, 2, 3, 6, 6, 8), 0.25, 0.15, 0.3, 15.0, 70), Variation((2, 6, 8, 8), 0.12, 0.12, 0.2, 10.0, 110))


@dataclass(frozen=True)
class Example:
    """A person, or one ectopic beat of them.

    beats (V, 12, T) µV at times_ms (T,); targets (13, 5) ms from R and their states: of 12 leads, and of all together; rr_ms
    or NaN
    """

    name: str
    beats: Floats
    times_ms: Floats
    targets: Floats
    states: NDArray[np.int64]
    rr_ms: float


def examples(person: Marked, rng: np.random.Generator) -> Iterator[Example]:
    """The person's normal beats, then each beat that is not normal (ectopic, or at an end of the recording)."""
    strip = highpass(person.strip, cutoff_hz=0.5, order=2, rate_hz=LUDB_HZ).astype(np.float32)
    beats = find_beats(BeatOptions(), strip, LUDB_HZ).beats
    if beats is None:
        return
    before, after = window_samples(BeatOptions(), LUDB_HZ)
    times_ms = np.arange(-before, after) * 1000 / LUDB_HZ
    padded = np.pad(strip.astype(np.float64), ((0, 0), (before, after)), mode="edge")
    cut = np.stack([padded[:, r : r + before + after] for r in beats.r_samples])
    cut -= np.median(np.median(cut[beats.normal], axis=0) - beats.median, axis=1)[:, None]
    chosen = rng.choice(np.flatnonzero(beats.normal), SINGLE_BEATS)
    shown = np.concatenate([np.stack([beats.median, beats.odd, beats.even]), cut[chosen]])
    r_ms = beats.r_samples * 1000 / LUDB_HZ
    rows = [_marks_of_beats(marks, r_ms) for marks in (*person.by_lead, person.together)]
    targets, states = _stacked([target(table[beats.normal]) for table in rows])
    yield Example(person.name, shown, times_ms, targets, states, float(np.median(np.diff(r_ms))))
    for beat in np.flatnonzero(~beats.normal):
        targets, states = _stacked([target(np.repeat(table[[beat]], MIN_BEATS, axis=0)) for table in rows])
        if (states[-1] == PRESENT).any():
            yield Example(person.name, cut[[beat]], times_ms, targets, states, np.nan)


def _stacked(found: list[tuple[Floats, NDArray[np.int64]]]) -> tuple[Floats, NDArray[np.int64]]:
    targets, states = zip(*found, strict=True)
    return np.stack(targets), np.stack(states)


def _marks_of_beats(marks: Marks, r_ms: Floats) -> Floats:
    """(B, 5) ms from R of each beat; NaN where there is no mark."""
    rows = []
    for k, here in enumerate(r_ms):
        last, following = (r_ms[j] if 0 <= j < len(r_ms) else np.inf * (j - k) for j in (k - 1, k + 1))
        spans = {
            "P": (max(-350.0, 0.6 * (last - here)), 0.0),
            "Q": (-200.0, 200.0),
            "T": (0.0, min(600.0, following - here - 40)),
        }
        rows.append([_mark(marks[name] - here, spans[name[0]], last=name[0] == "P") for name in ENDS])
    return np.array(rows)


def target(table: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """(5,) ms from R, and whether they are known, from marks (B, 5) of beats; those without a mark of QRS do not count."""
    table = table[np.isfinite(table[:, 2:4]).any(axis=1)]
    if len(table) < MIN_BEATS:
        return np.zeros(len(ENDS)), np.full(len(ENDS), UNKNOWN)
    share = np.isfinite(table).mean(axis=0)
    centre = np.nanmedian(np.where(share > 0, table, 0.0), axis=0)
    spread = 1.48 * np.nanmedian(np.where(share > 0, np.abs(table - centre), np.inf), axis=0)
    present = (share >= PRESENT_SHARE) & (spread < MAX_SPREAD_MS)
    return centre, np.where(present, PRESENT, np.where(share <= ABSENT_SHARE, ABSENT, UNKNOWN))


def _mark(times: Floats, span: tuple[float, float], *, last: bool) -> float:
    inside = times[(times > span[0]) & (times < span[1])]
    return float(inside[-1 if last else 0]) if len(inside) else np.nan


class Layers(nn.Module):
    """The network in torch; `ecgwas.delineation.network.Network` applies the same weights in NumPy."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(CHANNELS, WIDTH, FIRST_KERNEL, padding="same")
        self.convs = nn.ModuleList([nn.Conv1d(WIDTH, WIDTH, KERNEL, padding="same", dilation=d) for d in DILATIONS])
        self.mixers = nn.ModuleDict({str(layer): nn.Linear(2 * WIDTH, WIDTH) for layer in MIXED})
        self.together = nn.Sequential(nn.Linear(2 * WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, len(ENDS)))
        self.by_lead = nn.Linear(WIDTH, len(ENDS))
        self.none, self.none_by_lead = nn.Linear(2 * WIDTH, 2), nn.Linear(2 * WIDTH, 2)
        for conv in self.convs:
            conv.weight.data.mul_(0.5)

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """From (N, L, GRID, CHANNELS): (N, GRID, 5), (N, 2), (N, L, GRID, 5), (N, L, 2)."""
        many, leads, length, _ = seen.shape
        hidden = torch.relu(self.first(seen.reshape(many * leads, length, CHANNELS).transpose(1, 2)))
        for layer, conv in enumerate(self.convs):
            hidden = hidden + torch.relu(conv(hidden))
            if layer in MIXED:
                mixed = self.mixers[str(layer)](self._over_leads(hidden, leads))[:, None].expand(-1, leads, -1, -1)
                hidden = hidden + mixed.reshape(many * leads, length, WIDTH).transpose(1, 2)
        by_lead = hidden.transpose(1, 2).reshape(many, leads, length, WIDTH)
        together = self.together(self._over_leads(hidden, leads))
        return together, _none(self.none, by_lead.mean(1)), self.by_lead(by_lead), _none(self.none_by_lead, by_lead)

    def _over_leads(self, hidden: Tensor, leads: int) -> Tensor:
        """(N, GRID, 2 WIDTH) from (N L, WIDTH, GRID)."""
        split = hidden.reshape(-1, leads, WIDTH, hidden.shape[2])
        return torch.cat([split.mean(1), split.amax(1)], 1).transpose(1, 2)


def _none(layer: nn.Module, hidden: Tensor) -> Tensor:
    before, after = (
        layer(torch.cat([hidden[..., part, :].mean(-2), hidden[..., part, :].amax(-2)], -1)) for part in (BEFORE_R, AFTER_R)
    )
    return torch.stack([before[..., 0], after[..., 1]], -1)


def loss_of(logits: Tensor, none: Tensor, targets: Tensor, states: Tensor) -> Tensor:
    """Sum over points of the mean cross-entropy; logits (M, GRID, 5), none (M, 2), targets and states (M, 5)."""
    never = torch.full_like(none[:, 0], -20.0)
    nothing = torch.stack([none[:, 0], none[:, 0], never, never, none[:, 1]], 1)
    log_shares = torch.log_softmax(torch.cat([logits, nothing[:, None]], 1), 1)
    grid = torch.tensor(GRID_MS, dtype=torch.float32)[None, :, None]
    wanted = torch.exp(-0.5 * ((grid - targets[:, None]) / torch.tensor(SPREAD_MS)) ** 2)
    wanted = wanted / wanted.sum(1, keepdim=True).clamp(min=1e-6)
    present, absent = -(wanted * log_shares[:, :-1]).sum(1), -log_shares[:, -1]
    wrong = torch.where(states == PRESENT, present, torch.where(states == ABSENT, absent, torch.zeros_like(present)))
    return (wrong.sum(0) / (states != UNKNOWN).sum(0).clamp(min=1)).sum()


def varied(
    person: Example, shown_leads: int, how: Variation, rng: np.random.Generator
) -> tuple[NDArray[np.float32], Floats, NDArray[np.int64], float]:
    """A random variation: beats (L, GRID), targets and states (L + 1, 5), RR in ms."""
    leads = rng.permutation(len(LEADS))[:shown_leads]
    tempo, shift = float(np.exp(rng.normal(0, how.tempo))), rng.normal(0, 12)
    rows = [*leads, len(LEADS)]
    targets, states = person.targets[rows] * tempo + shift, person.states[rows]
    beat = person.beats[rng.integers(len(person.beats))]
    if rng.random() < how.mixed:
        mixture = rng.normal(size=(shown_leads, len(LEADS)))
        beat = mixture / np.linalg.norm(mixture, axis=1, keepdims=True) @ beat
        states[:-1] = UNKNOWN
    else:
        beat = beat[leads]
    if rng.random() < how.blurred:
        beat = gaussian_filter1d(beat, rng.uniform(1.0, 3.0), axis=1)
    shown = on_grid(beat, person.times_ms * tempo + shift).astype(np.float64)
    shown *= np.exp(rng.normal(0, 0.3)) * np.exp(rng.normal(0, 0.1, (shown_leads, 1)))
    if rng.random() < 0.25:
        shown *= rng.choice([-1.0, 1.0], (shown_leads, 1))
    shown += rng.exponential(4.0) * rng.normal(size=shown.shape) * (rng.random((shown_leads, 1)) < 0.5)
    if rng.random() < 0.5:
        wave = np.sin(GRID_MS / 1000 * 2 * np.pi * rng.uniform(0.3, 1.2) + rng.uniform(0, 7))
        shown += rng.normal(0, 8, (shown_leads, 1)) + rng.normal(0, how.drift_uv, (shown_leads, 1)) * wave
    rr_ms = person.rr_ms * tempo if rng.random() < 0.95 else np.nan
    return shown.astype(np.float32), targets, states, rr_ms


def batches(people: list[Example], how: Variation, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """What the network sees (N, L, GRID, CHANNELS), targets and states (N, L + 1, 5), of all people once."""
    order = rng.permutation(len(people))
    for start in range(0, len(order) - BATCH + 1, BATCH):
        leads = int(rng.choice(how.leads))
        beats, targets, states, rr = zip(
            *(varied(people[k], leads, how, rng) for k in order[start : start + BATCH]), strict=True
        )
        seen = channels(np.stack(beats), np.array(rr, dtype=np.float32))
        yield torch.from_numpy(seen), torch.tensor(np.stack(targets), dtype=torch.float32), torch.tensor(np.stack(states))


def train(people: list[Example], how: Variation, seed: int) -> Layers:
    """A network trained on these people; its weights are averages over the last part of the training."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    layers = Layers()
    averaged = AveragedModel(layers, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY))
    optimiser = torch.optim.AdamW(layers.parameters(), lr=RATE, weight_decay=DECAY)
    steps = how.epochs * (len(people) // BATCH) + 1
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.15, final_div_factor=100)
    for _ in range(how.epochs):
        for seen, targets, states in batches(people, how, rng):
            together, none, by_lead, none_by_lead = layers(seen)
            loss = loss_of(together, none, targets[:, -1], states[:, -1])
            loss = loss + loss_of(by_lead.flatten(0, 1), none_by_lead.flatten(0, 1), targets[:, :-1].flatten(0, 1),
                                  states[:, :-1].flatten(0, 1))  # fmt: skip
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(layers.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            averaged.update_parameters(layers)
    trained: Layers = averaged.module  # type: ignore[assignment]
    return trained


def save(members: list[Layers], path: Path, left_out: list[str]) -> None:
    """As float16, with the numbers of the people that were not used."""
    weights = {
        f"{k}.{name}": value.detach().to(torch.float16).contiguous()
        for k, member in enumerate(members)
        for name, value in member.state_dict().items()
    }
    notes = {"dilations": json.dumps(DILATIONS), "mixed": json.dumps(MIXED), "left_out": json.dumps(left_out),
             "data": "LUDB 1.0.1 (ODC-By 1.0)"}  # fmt: skip
    save_file(weights, path, notes)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--ludb", type=Path, required=True, help="folder of LUDB, or its data folder")
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--folds", type=int, default=5)
    ask.add_argument("--only", type=int, nargs="+", help="only these folds; -1: the network of all")
    ask.add_argument("--seed", type=int, default=0)
    given = ask.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(given.seed)
    people = [list(examples(person, rng)) for person in ludb(given.ludb)]
    fold = rng.permutation(len(people)) % given.folds
    for k in given.only or range(-1, given.folds):
        start = time.process_time()
        used = [one for person, of in zip(people, fold, strict=True) if of != k for one in person]
        left_out = [person[0].name for person, of in zip(people, fold, strict=True) if of == k and person]
        name = "network" if k < 0 else f"fold{k}"
        save([train(used, how, given.seed) for how in MEMBERS], given.out / f"{name}.safetensors", left_out)
        print(f"{name}: {len(used)} examples, {time.process_time() - start:.0f} s CPU", flush=True)


if __name__ == "__main__":
    main()
