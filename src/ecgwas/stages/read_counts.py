"""Counts of recordings: of each lead's quality, of rhythms, and of reasons why recordings were excluded."""

from __future__ import annotations

from collections import Counter

import polars as pl

from ecgwas.ecg.rhythms import NAMES, SINUS
from ecgwas.signals import LEAD_STATUS
from ecgwas.tables import Recordings
from ecgwas.tables.recordings import LeadCounts, LeadQuality, RhythmCounts

UNDETERMINED = "undetermined"


def lead_counts(quality: LeadQuality) -> LeadCounts:
    """In how many recordings each lead is good, has artefacts, is unusable and is missing."""
    statuses = [pl.col("status").eq(status).sum().cast(pl.Int64).alias(status) for status in LEAD_STATUS]
    counted = quality.frame.group_by("lead", maintain_order=True).agg(pl.len().alias("recordings"), *statuses)
    return LeadCounts(counted)


def left_out_counts(recordings: Recordings) -> str:
    """Number of excluded files per reason, for the twelve most frequent: ``flat lead V3: 2; duplicate: 12``."""
    frame = recordings.frame.filter(pl.col("status") != "kept")
    counts = Counter(str(reason) for reason in frame["reason"])
    if not counts:
        return "none excluded"
    return "; ".join(f"{reason}: {count}" for reason, count in counts.most_common(12))


def rhythm_counts(recordings: Recordings) -> RhythmCounts:
    """How many people's recordings have each rhythm, kept and excluded for it; a recording with several counts for each."""
    unknown = pl.col("rhythm").is_null() & (pl.col("status") == "kept")
    names = pl.when(unknown).then(pl.lit(UNDETERMINED)).otherwise(pl.col("rhythm")).str.split(", ")
    rhythms = recordings.frame.select("eid", "status", names.alias("rhythm")).explode("rhythm")
    counted = {
        status: dict(rhythms.filter(pl.col("status") == status).group_by("rhythm").agg(pl.col("eid").n_unique()).iter_rows())
        for status in ("kept", "left_out")
    }
    return RhythmCounts.of([
        {"rhythm": name, "recordings": counted["kept"].get(name, 0), "excluded": counted["left_out"].get(name, 0)}
        for name in (SINUS, *NAMES, UNDETERMINED)
    ])  # fmt: skip


def counts_in_words(counts: RhythmCounts) -> str:
    """`sinus_rhythm 96, atrial_fibrillation 2 (3 excluded)`; rhythms that nobody has are not named."""
    named = []
    for rhythm, kept, excluded in counts.frame.iter_rows():
        if kept or excluded:
            named.append(f"{rhythm} {kept}{f' ({excluded} excluded)' if excluded else ''}")
    return ", ".join(named)
