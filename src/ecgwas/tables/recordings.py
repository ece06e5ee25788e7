"""Tables about recordings, representations (training, errors, reliability), and the participants and traits tested."""

from __future__ import annotations

from ecgwas.tables import REAL, TEXT, WHOLE, Column, Table


class DeviceMeasurements(Table):
    """What the ECG device measured on each kept participant's recording; null if not in the file.

    Onsets and ends are measured from the start of the device's median beat.
    """

    columns = {
        "eid": Column(TEXT, "participant"), "heart_rate_bpm": Column(REAL, "ventricular rate, 1/min"),
        "rr_ms": Column(REAL, "mean RR, ms"), "p_ms": Column(REAL, "P duration, ms"),
        "pr_ms": Column(REAL, "PR (PQ) interval, ms"), "qrs_ms": Column(REAL, "QRS duration, ms"),
        "qt_ms": Column(REAL, "QT interval, ms"), "qtc_bazett_ms": Column(REAL, "QT corrected by Bazett, ms"),
        "qtc_fridericia_ms": Column(REAL, "QT corrected by Fridericia, ms"),
        "p_axis_deg": Column(REAL, "frontal axis of P, degrees"), "qrs_axis_deg": Column(REAL, "frontal axis of QRS, degrees"),
        "t_axis_deg": Column(REAL, "frontal axis of T, degrees"), "p_on_ms": Column(REAL, "P onset, ms"),
        "p_off_ms": Column(REAL, "P end, ms"), "qrs_on_ms": Column(REAL, "QRS onset, ms"),
        "qrs_off_ms": Column(REAL, "QRS end, ms"), "t_off_ms": Column(REAL, "T end, ms"),
    }  # fmt: skip


class FiducialPoints(Table):
    """Onsets, peaks and ends of P, QRS and T in the median beats kept, ms after R; null where a wave is absent."""

    columns = {
        "eid": Column(TEXT, "participant"),
        "beats": Column(TEXT, "median beat over: median (all normal beats) | odd | even (every second normal beat)"),
        "p_on_ms": Column(REAL, "P onset"), "p_peak_ms": Column(REAL, "P peak"), "p_off_ms": Column(REAL, "P end"),
        "qrs_on_ms": Column(REAL, "QRS onset"), "qrs_off_ms": Column(REAL, "QRS end"),
        "t_peak_ms": Column(REAL, "T peak"), "t_off_ms": Column(REAL, "T end"),
    }  # fmt: skip


class LeadQuality(Table):
    """Noise and artefacts of each lead of each kept recording."""

    columns = {
        "eid": Column(TEXT, "participant"), "instance": Column(TEXT, "visit and array, as in 2_0"),
        "lead": Column(TEXT, "lead"),
        "status": Column(
            TEXT, "good | artefacts (not used for beats and waves) | unusable (its own features are missing) | missing"
        ),
        "reason": Column(
            TEXT, "artefacts | noise | contradicts I and II | why it is missing: not recorded, NaN or infinity, a fault of its "
            "file; else empty"
        ),
        "artefacts": Column(WHOLE, "contact jumps, noisy half seconds, and beats disturbed in this lead only"),
        "noise_uv": Column(REAL, "beat-to-beat noise, µV"),
        "unexplained_uv": Column(REAL, "robust SD of the residuals on the other leads (III, aVR, aVL, aVF: on I and II), µV"),
    }  # fmt: skip


class LeadCounts(Table):
    """How many kept recordings have each lead good, with artefacts and unusable."""

    columns = {
        "lead": Column(TEXT, "lead"), "recordings": Column(WHOLE, "kept recordings"), "good": Column(WHOLE, "lead is good"),
        "artefacts": Column(WHOLE, "lead has artefacts and is not used to find beats and waves"),
        "unusable": Column(WHOLE, "lead is too noisy; its own features are missing"),
        "missing": Column(WHOLE, "lead is missing, and so are its own features"),
    }  # fmt: skip


class RhythmCounts(Table):
    """How many participants have each rhythm. One with several, such as fibrillation and pacing, counts for each."""

    columns = {
        "rhythm": Column(TEXT, "sinus_rhythm, a name of read.rhythms, or undetermined (too few beats)"),
        "recordings": Column(WHOLE, "participants whose recording is kept"),
        "excluded": Column(WHOLE, "participants with an excluded recording of this rhythm, whatever excluded it"),
    }  # fmt: skip


class SignalErrors(Table):
    """Each signal (a recording's lead, or all leads together) by the error of its reconstruction, smallest first."""

    columns = {
        "mse": Column(REAL, "mean squared error of the reconstruction, normalised units; null if there is none"),
        "eid": Column(TEXT, "participant"), "lead": Column(TEXT, "lead, or 12L"),
        "file": Column(TEXT, "the recording's file, as in recordings.parquet; null if the lead has none of its own"),
        "reason": Column(TEXT, "why it has no features; empty for a signal that has"),
    }  # fmt: skip


class DevicePairs(Table):
    """Each participant's measurements by ecgwas and the ECG device's, where both have the measurement."""

    columns = {
        "eid": Column(TEXT, "participant"), "measurement": Column(TEXT, "name, with its unit"),
        "measured": Column(REAL, "by ecgwas"), "device": Column(REAL, "by the ECG device"),
        "difference": Column(REAL, "measured - device; of angles in the shorter direction"),
    }  # fmt: skip


class DeviceAgreement(Table):
    """Agreement of measurements with the ECG device's: Bland and Altman's limits of agreement (Lancet 327:307, 1986)."""

    columns = {
        "measurement": Column(TEXT, "name, with its unit"), "n": Column(WHOLE, "participants who have both"),
        "mean_difference": Column(REAL, "mean of measured - device"), "sd": Column(REAL, "SD of the differences"),
        "low": Column(REAL, "lower limit of agreement: mean - 1.96 SD"), "high": Column(REAL, "upper limit of agreement"),
        "median_difference": Column(REAL, "median of the differences"),
        "r": Column(REAL, "Pearson correlation of the two; null where one does not vary"),
    }  # fmt: skip


class Reliability(Table):
    """Reliability of each feature: within a recording, and between two visits of a participant."""

    columns = {
        "lead": Column(TEXT, "lead, or 12L"), "feature": Column(TEXT, "feature"),
        "r": Column(REAL, "correlation between median beats of odd and of even heartbeats; null for whole strips"),
        "icc": Column(REAL, "ICC(2,1) between two visits; null if nobody has two"),
        "icc_low": Column(REAL, "lower end of its 95 % interval"), "icc_high": Column(REAL, "upper end"),
        "people": Column(WHOLE, "participants with the feature at both visits"),
    }  # fmt: skip


class Ancestry(Table):
    """Each participant tested: ancestry group, from genotypes, and the group within which traits are normalised."""

    columns = {
        "eid": Column(TEXT, "participant"),
        "ancestry_group": Column(WHOLE, "1 the largest group, then 2 ...; 1 for everyone if no groups can be distinguished"),
        "normalised_within": Column(
            WHOLE,
            "group within which traits were normalised: ancestry_group in tens, sex in ones; 0: all participants",
        ),
    }


class RelatedPairs(Table):
    """Pairs of related participants, and their kinship, of whom relatives are kept (scan.relatives)."""

    columns = {
        "eid1": Column(TEXT, "participant"), "eid2": Column(TEXT, "the other participant"),
        "kinship": Column(REAL, "KING-robust kinship: 0.5 in identical twins, 0.25 in parents, children and siblings"),
    }  # fmt: skip


class TrainingHistory(Table):
    """Each epoch of a representation's training; no rows if nothing was trained step by step."""

    columns = {
        "epoch": Column(WHOLE, "epoch, from 1"), "train_loss": Column(REAL, "loss, mean over the epoch's signals"),
        "validation_loss": Column(REAL, "loss on the validation set after the epoch"),
        "learning_rate": Column(REAL, "learning rate of the epoch"),
    }  # fmt: skip


class ReconstructionErrors(Table):
    """Errors of reconstructions of held-out participants' signals; no rows if the representation cannot decode."""

    columns = {
        "method": Column(TEXT, "self: the representation; others: for comparison"),
        "mse": Column(REAL, "mean squared error, normalised units, mean over signals"),
        "pearson_r": Column(REAL, "correlation of signal and reconstruction, mean over leads; null if nowhere defined"),
        "mae_uv": Column(REAL, "mean absolute error, µV"),
        "loss": Column(REAL, "mse and the penalty on weights, as Keras reports it; null: no penalty"),
    }  # fmt: skip
    later = ("loss",)


class SeedStability(Table):
    """Each feature with its match among the features of a further training from another seed."""

    columns = {
        "seed": Column(WHOLE, "number of the further training"), "lead": Column(TEXT, "lead, or 12L"),
        "feature": Column(TEXT, "feature of the first training"), "partner": Column(TEXT, "its match in the further training"),
        "r": Column(REAL, "their correlation, with its sign"),
    }  # fmt: skip


class TraitReport(Table):
    """Each feature as a candidate trait: tested, or excluded and why; its distribution before and after transformation."""

    columns = {
        "trait": Column(TEXT, "<representation>.<lead>.<feature>"), "status": Column(TEXT, "kept | left_out"),
        "reason": Column(TEXT, "why it was excluded; empty when kept"), "n": Column(WHOLE, "participants with a value"),
        "skewness_before": Column(REAL, "skewness of the feature"), "kurtosis_before": Column(REAL, "its excess kurtosis"),
        "skewness_after": Column(REAL, "skewness of the residuals of the transformed feature"),
        "kurtosis_after": Column(REAL, "its excess kurtosis"),
        "unit": Column(TEXT, "unit of the feature, such as ms; null: it has none, as learned features"),
    }  # fmt: skip
    version = 2
    later = ("unit",)


class CovariateExclusions(Table):
    """Participants of UK Biobank whom `ecgwas covariates ukb` excluded or flagged; `read.leave_out` takes it as it is."""

    columns = {
        "eid": Column(TEXT, "person"), "reason": Column(TEXT, "the first reason"),
        "further": Column(TEXT, "further reasons, separated by commas; empty if there are none"),
    }  # fmt: skip
