"""The rhythm of one recording, by rules on measurements of its beats: `rhythm_of(options, raw, strip, search) -> Finding`.

heartbeats   what is judged: beats, RR intervals, the median beat and its fiducial points
atria        P waves and flutter waves;  conduction  PR and QRS;  ectopy  ectopic beats;  pacing  spikes
evidence     all of these of one recording
rules        from them to names (`read.rhythms` lists them), each rule with its source: `judge(Heartbeats.of(...)) -> Finding`
"""

from __future__ import annotations

from ecgwas.ecg.rhythms.finding import NAMES, NO_RHYTHM, SINUS, Finding, undetermined
from ecgwas.ecg.rhythms.heartbeats import Heartbeats
from ecgwas.ecg.rhythms.of_recording import rhythm_of
from ecgwas.ecg.rhythms.rules import judge

__all__ = ["NAMES", "NO_RHYTHM", "SINUS", "Finding", "Heartbeats", "judge", "rhythm_of", "undetermined"]
