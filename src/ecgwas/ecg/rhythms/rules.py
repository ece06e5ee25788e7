"""From measurements to the rhythm: one rule for each name, with its source.

AHA/ACCF/HRS recommendations for the standardization and interpretation of the ECG, part III (conduction: Surawicz et al.,
Circulation 119:e235, 2009); ACC/AHA/HRS guideline on bradycardia and conduction delay (Kusumoto et al., Circulation 140:e382,
2019); Minnesota code (Prineas, Crow and Zhang, 2nd ed., 2010). Limits that no source states were chosen on one half of the
people of PTB-XL (docs/validation/read.md).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ecgwas.ecg.rhythms.evidence import Evidence
from ecgwas.ecg.rhythms.finding import NAMES, SINUS, Finding, undetermined
from ecgwas.ecg.rhythms.heartbeats import Heartbeats

Reasons = dict[str, str]
"""Name -> the measurements that decided."""

MIN_BEATS = 4
IRREGULAR, IRREGULAR_STEP = 0.10, 0.06
"""RR is irregular if its RMSSD over its mean is larger (Dash et al., Ann Biomed Eng 37:1701, 2009: 0.1), and so is its median
change from one interval to the next: a single early beat changes RMSSD much, the median little."""
NO_SHARED_P = 0.25
"""Coherence before QRS below which beats share no P wave."""
VERY_IRREGULAR_STEP, VARYING_P = 0.15, 0.60
"""If RR changes so much from beat to beat, P waves must be more alike than this."""
HIDDEN_P_BPM, HIDDEN_P_STEP = 120.0, 0.08
"""Above this rate P lies in the T wave of the beat before, and RR alone decides."""
FLUTTER_SHARE, FLUTTER_UV, FLUTTER_COHERENCE, FLUTTER_RR = 0.50, 15.0, 0.85, 0.035
"""Flutter with conduction that changes: its share of the power between beats, and its amplitude; it has no fixed place before
QRS, and RR varies."""
FLUTTER_REPEATS, FLUTTER_REPEATS_CHANGING = 0.85, 0.60
"""Flutter with fixed or with changing conduction: correlation of the waves between T and QRS with themselves one wave later."""
FLUTTER_P, FLUTTER_P_HZ = (0.5, 0.9), 5.7
"""With changing conduction, a wave always precedes QRS, but less alike than P, and is not as fast as in fibrillation."""
FIBRILLATION_HZ, FLUTTER_STEP = 5.0, 0.08
"""With RR as irregular as this, waves above 300 per minute are coarse fibrillation, and conduction is not fixed."""
MIN_PACED_BEATS = 2
BLOCKED_BPM, REPEATS_WITH_P, REPEATS_WITHOUT_P = 60.0, 0.50, 0.40
"""P waves more frequent than QRS are sought up to this rate. What is left between beats must repeat itself with these
correlations, the higher one if P precedes QRS, because P is then alike anyway."""
PR_LONG_MS = 200.0
PR_SHORT_MS, DELTA_QRS_MS, SLUR_MS = 130.0, 110.0, 30.0
"""PR below 120 ms and QRS of 120 ms by definition: a delta wave begins slowly, and its onset is reasons some 10 ms late."""
BROAD_MS = 120.0
RIGHT_V1_END, LEFT_LATERAL, LEFT_Q = 0.0, 0.10, -0.05
"""Right side: end of QRS in V1, as a share of its largest deflection; left side: mean of QRS, and Q, in I, V5 and V6."""
SLOW_BPM, FAST_BPM = 50.0, 100.0
FREQUENT = 0.10


ATRIAL = frozenset({"atrial_fibrillation", "atrial_flutter"})
NOT_SINUS = ATRIAL | {"paced", "high_degree_av_block", "no_p_waves"}
"""Without these, P waves precede QRS: sinus rhythm (or an atrial one, which nothing here distinguishes)."""
OWN_QRS = frozenset({"paced", "pre_excitation"})
"""With these, the width of QRS says nothing about the bundle branches."""


def judge(heart: Heartbeats) -> Finding:
    """The rhythm of one recording. It has none, with a reason, if fewer than MIN_BEATS beats were found."""
    beats = len(heart.peaks)
    if beats < MIN_BEATS:
        return undetermined(f"only {beats} beats", beats)
    evidence, reasons = Evidence(heart), Reasons()
    for rule in RULES:
        rule(evidence, reasons)
    names = [name for name in (SINUS, *NAMES) if name in reasons]
    early = evidence.ectopy.early & (not reasons.keys() & ATRIAL)
    return Finding(tuple(names), "; ".join(reasons[name] for name in names), evidence.ectopy.other_shape | early, early)


def _paced(e: Evidence, reasons: Reasons) -> None:
    """Minnesota code 6-8."""
    if e.paced_beats >= MIN_PACED_BEATS:
        reasons["paced"] = f"pacing spikes at {e.paced_beats} of {e.beats} beats"


def _atrial_flutter(e: Evidence, reasons: Reasons) -> None:
    """Minnesota code 8-3-2: regular atrial waves at 240 to 340 per minute."""
    if e.coherence < FLUTTER_COHERENCE and e.irregularity >= FLUTTER_RR:
        hz, share, amplitude_uv = e.atria.flutter
        if share >= FLUTTER_SHARE and amplitude_uv >= FLUTTER_UV and (hz <= FIBRILLATION_HZ or e.usual_step < FLUTTER_STEP):
            reasons["atrial_flutter"] = f"atrial waves at {60 * hz:.0f} per minute ({share:.2f} >= {FLUTTER_SHARE} of power)"
            return
    hz, repeats = e.atria.waves_between
    irregular = e.irregularity > IRREGULAR and e.usual_step > IRREGULAR_STEP
    changing = irregular and FLUTTER_P[0] < e.coherence < FLUTTER_P[1] and hz <= FLUTTER_P_HZ
    fixed = not e.usual_step >= FLUTTER_STEP and "paced" not in reasons
    limit = FLUTTER_REPEATS_CHANGING if changing else FLUTTER_REPEATS
    if (changing or fixed) and repeats >= limit:
        waves = f"atrial waves at {60 * hz:.0f} per minute"
        reasons["atrial_flutter"] = f"{waves} repeat themselves between T and QRS (correlation {repeats:.2f} >= {limit})"


def _atrial_fibrillation(e: Evidence, reasons: Reasons) -> None:
    """Minnesota code 8-3-1: RR irregularly irregular, no P waves."""
    if "atrial_flutter" in reasons or not (e.irregularity > IRREGULAR and e.usual_step > IRREGULAR_STEP):
        return
    irregular = f"RR irregular (normalised RMSSD {e.irregularity:.2f} > {IRREGULAR:g}, median change {e.usual_step:.2f}"
    if e.heart.rate_bpm > HIDDEN_P_BPM and e.usual_step > HIDDEN_P_STEP:
        reasons["atrial_fibrillation"] = f"{irregular} > {HIDDEN_P_STEP:g}) at {e.heart.rate_bpm:.0f} beats per minute"
        return
    very = e.usual_step > VERY_IRREGULAR_STEP
    step, limit = (VERY_IRREGULAR_STEP, VARYING_P) if very else (IRREGULAR_STEP, NO_SHARED_P)
    if not e.coherence >= limit:
        shared = f"no shared P wave (coherence before QRS {e.coherence:.2f} < {limit:g})"
        reasons["atrial_fibrillation"] = f"{irregular} > {step:g}), {shared}"


def _high_degree_av_block(e: Evidence, reasons: Reasons) -> None:
    """Minnesota code 6-1 and 6-2: P waves more frequent than QRS, either independent of it, or one of two conducted."""
    rate = e.heart.rate_bpm
    if reasons.keys() & NOT_SINUS or rate > BLOCKED_BPM or e.irregularity > IRREGULAR:
        return
    interval_ms, repeats = e.atria.p_waves
    limit = REPEATS_WITH_P if e.has_p else REPEATS_WITHOUT_P
    if repeats >= limit:
        reasons["high_degree_av_block"] = (
            f"P waves at {60_000 / interval_ms:.0f} per minute (correlation {repeats:.2f} >= {limit}), QRS at {rate:.0f}"
        )


def _no_p_waves(e: Evidence, reasons: Reasons) -> None:
    if not e.has_p and not reasons.keys() & NOT_SINUS:
        reasons["no_p_waves"] = f"no P wave before QRS (coherence {e.coherence:.2f})"


def _sinus_rhythm(e: Evidence, reasons: Reasons) -> None:
    if not reasons.keys() & NOT_SINUS:
        reasons[SINUS] = f"P wave before QRS (coherence {e.coherence:.2f})"


def _pre_excitation(e: Evidence, reasons: Reasons) -> None:
    """WHO/ISC criteria in Surawicz et al. 2009: PR below 120 ms, a slurred beginning of QRS, QRS of 120 ms or more."""
    c = e.conduction
    if "paced" not in reasons and c.pr_ms < PR_SHORT_MS and c.qrs_ms >= DELTA_QRS_MS and c.slur_ms >= SLUR_MS:
        reasons["pre_excitation"] = (
            f"PR {c.pr_ms:.0f} < {PR_SHORT_MS:.0f} ms, QRS {c.qrs_ms:.0f} >= {DELTA_QRS_MS:.0f} ms, its first "
            f"{c.slur_ms:.0f} >= {SLUR_MS:.0f} ms slow"
        )


def _broad_qrs(e: Evidence, reasons: Reasons) -> None:
    """Surawicz et al. 2009: QRS of 120 ms or more; the side by V1 and by I, V5 and V6."""
    c = e.conduction
    if reasons.keys() & OWN_QRS or not c.qrs_ms >= BROAD_MS:
        return
    width = f"QRS {c.qrs_ms:.0f} >= {BROAD_MS:.0f} ms"
    if c.v1_end > RIGHT_V1_END and c.lateral_end < 0:
        reasons["right_bundle_branch_block"] = f"{width}, its end positive in V1 and negative in I, V5, V6"
    elif c.v1 < 0 and c.lateral > LEFT_LATERAL and c.q > LEFT_Q:
        reasons["left_bundle_branch_block"] = f"{width}, negative in V1, positive and without Q in I, V5, V6"
    else:
        is_noisy = np.isnan(c.v1) or np.isnan(c.lateral)
        side = "V1, I, V5 or V6 is noisy or missing" if is_noisy else "no bundle branch block by V1 and I, V5, V6"
        reasons["broad_qrs"] = f"{width}, {side}"


def _first_degree_av_block(e: Evidence, reasons: Reasons) -> None:
    """Kusumoto et al. 2019: PR above 200 ms."""
    pr_ms = e.conduction.pr_ms
    if not reasons.keys() & NOT_SINUS and pr_ms > PR_LONG_MS:
        reasons["first_degree_av_block"] = f"PR {pr_ms:.0f} > {PR_LONG_MS:.0f} ms"


def _frequent_ectopy(e: Evidence, reasons: Reasons) -> None:
    """Minnesota code 8-1: a tenth of the complexes or more."""
    count = int(e.ectopy.other_shape.sum()) + (0 if reasons.keys() & ATRIAL else int(e.ectopy.early.sum()))
    if count >= FREQUENT * e.beats:
        reasons["frequent_ectopy"] = f"{count} of {e.beats} beats ectopic"


def _rate(e: Evidence, reasons: Reasons) -> None:
    """Kusumoto et al. 2019: below 50 per minute; Minnesota code 8-7: above 100."""
    rate = e.heart.rate_bpm
    if rate < SLOW_BPM:
        reasons["bradycardia"] = f"{rate:.0f} < {SLOW_BPM:.0f} beats per minute"
    elif rate > FAST_BPM:
        reasons["tachycardia"] = f"{rate:.0f} > {FAST_BPM:.0f} beats per minute"


RULES: tuple[Callable[[Evidence, Reasons], None], ...] = (
    _paced, _atrial_flutter, _atrial_fibrillation, _high_degree_av_block, _no_p_waves, _sinus_rhythm, _pre_excitation,
    _broad_qrs, _first_degree_av_block, _frequent_ectopy, _rate,
)  # fmt: skip
"""In this order: a rule may ask what the ones before it gave."""
