"""Tables of the stage `read` beside Recordings: what the recorders themselves measured."""

from __future__ import annotations

from ecgwas.tables import REAL, TEXT, Column, Table


class DeviceMeasurements(Table):
    """What the recorder itself measured on each kept person's recording; null where its file does not say.

    Times of onsets and ends count from the start of the recorder's own median beat.
    """

    columns = {
        "eid": Column(TEXT, "person"), "heart_rate_bpm": Column(REAL, "ventricular rate, 1/min"),
        "rr_ms": Column(REAL, "mean RR, ms"), "p_ms": Column(REAL, "P duration, ms"),
        "pr_ms": Column(REAL, "PR (PQ) interval, ms"), "qrs_ms": Column(REAL, "QRS duration, ms"),
        "qt_ms": Column(REAL, "QT interval, ms"), "qtc_bazett_ms": Column(REAL, "QT corrected by Bazett, ms"),
        "qtc_fridericia_ms": Column(REAL, "QT corrected by Fridericia, ms"),
        "p_axis_deg": Column(REAL, "frontal axis of P, degrees"), "qrs_axis_deg": Column(REAL, "frontal axis of QRS, degrees"),
        "t_axis_deg": Column(REAL, "frontal axis of T, degrees"), "p_on_ms": Column(REAL, "P onset, ms"),
        "p_off_ms": Column(REAL, "P end, ms"), "qrs_on_ms": Column(REAL, "QRS onset, ms"),
        "qrs_off_ms": Column(REAL, "QRS end, ms"), "t_off_ms": Column(REAL, "T end, ms"),
    }  # fmt: skip
