"""The simulated cohort against lxml, bed-reader, scipy, the one real device file and its own truth."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from bed_reader import open_bed
from lxml import etree
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, find_peaks, sosfiltfilt
from scipy.stats import linregress, norm, rankdata

from ecgwas.errors import InputError
from ecgwas.leads import LEADS
from ecgwas.simulate import (
    EFFECTS,
    PARAMETERS,
    Hearts,
    PlantedEffect,
    SimulatedCohort,
    clean_beats,
    draw_hearts,
    simulate,
    simulate_signals,
)
from ecgwas.simulate.waves import twelve_leads_of_counts
from tests.factories import make_bed, make_covariates, make_hearts, make_signals, make_traits

PEOPLE = 300


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCohort:
    return simulate(tmp_path_factory.mktemp("cohort"), people=PEOPLE, seed=1, variants_per_chromosome=400)


def strip(path: Path) -> tuple[list[str], np.ndarray]:
    """Leads and counts of StripData, read without ecgwas."""
    found = etree.parse(path).getroot().find("StripData")
    waves = found.findall("WaveformData")
    counts = np.array([[int(value) for value in wave.text.split(",")] for wave in waves])
    return [wave.get("lead") for wave in waves], counts


def recordings(cohort: SimulatedCohort) -> np.ndarray:
    """(N, 12, 5000) µV in the order of cohort.eids."""
    paths = [cohort.folder / "ecg" / f"{eid}_20205_2_0.xml" for eid in cohort.eids]
    return np.stack([strip(path)[1] for path in paths]) * 5.0


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def r_peaks(ecg: np.ndarray) -> np.ndarray:
    """R peaks by the joint energy of all leads: a detector that knows nothing of the simulator."""
    band = sosfiltfilt(butter(2, [5, 25], "bandpass", fs=500, output="sos"), ecg, axis=1)
    energy = np.convolve((band**2).sum(0), np.ones(40) / 40, mode="same")
    peaks, _ = find_peaks(energy, height=0.2 * np.quantile(energy, 0.99), distance=150)
    return peaks


def median_beats(ecgs: np.ndarray) -> np.ndarray:
    """(N, 12, 475) µV: beats aligned on the steepest joint deflection, PQ segment as zero."""
    ecgs = sosfiltfilt(butter(2, 0.5, "highpass", fs=500, output="sos"), ecgs, axis=2)
    beats = []
    for ecg in ecgs:
        peaks = [p for p in r_peaks(ecg) if 220 <= p < 4650]
        peaks = [p - 20 + int(np.argmax((ecg[:, p - 20 : p + 20] ** 2).sum(0))) for p in peaks]
        cut = np.stack([ecg[:, p - 175 : p + 300] for p in peaks])
        beats.append(np.median(cut - cut[:, :, 140:150].mean(axis=2, keepdims=True), axis=0))
    return np.stack(beats)


def tangent_end(lead: np.ndarray) -> float:
    """ms after R at which the steepest tangent of T's fall meets zero."""
    sign = np.sign(lead[250:450][np.argmax(np.abs(lead[250:450]))])
    wave = gaussian_filter1d(sign * lead, 3)
    top = 250 + int(np.argmax(wave[250:450]))
    slopes = np.diff(wave[top : top + 80])
    steepest = int(np.argmin(slopes))
    return (top + steepest + 0.5 - wave[top + steepest] / slopes[steepest] - 175) * 2


def measured(beats: np.ndarray) -> dict[str, np.ndarray]:
    """Plain measurements of median beats, one per planted parameter; only their differences between people matter."""
    beats = gaussian_filter1d(beats, 2, axis=2)
    size = np.sqrt((beats**2).sum(axis=1))  # (N, T) all leads together
    p_wave = size[:, 50:140]
    p_rise = np.argmax(p_wave > 0.5 * p_wave.max(axis=1, keepdims=True), axis=1)
    fast = np.abs(np.diff(beats, axis=2)).sum(axis=1)[:, 130:230]
    active = fast > 0.15 * fast.max(axis=1, keepdims=True)
    start, stop = active.argmax(axis=1), active.shape[1] - active[:, ::-1].argmax(axis=1)
    return {
        "qt_ms": np.array([tangent_end(beat[8]) for beat in beats]) + 2 * (45 - start),
        "pr_ms": 2.0 * (80 + start - p_rise),
        "qrs_ms": 2.0 * (stop - start),
        "r_uv": size[:, 165:185].max(axis=1),
        "t_uv": size[:, 250:420].max(axis=1),
    }


def test_layout_of_a_recording_read_without_ecgwas(cohort: SimulatedCohort) -> None:
    path = cohort.folder / "ecg" / f"{cohort.eids[0]}_20205_2_0.xml"
    data = etree.parse(path).getroot().find("StripData")
    assert data.findtext("NumberOfLeads") == "12"
    assert (data.findtext("SampleRate"), data.find("SampleRate").get("units")) == ("500", "Hz")
    assert (data.findtext("Resolution"), data.find("Resolution").get("units")) == ("5", "uVperLsb")
    leads, counts = strip(path)
    assert leads == list(LEADS)
    assert counts.shape == (12, int(data.findtext("ChannelSampleCountTotal"))) == (12, 5000)
    np.testing.assert_array_equal(counts[2], counts[1] - counts[0])


def test_repeated_visits(cohort: SimulatedCohort) -> None:
    names = [path.name for path in (cohort.folder / "ecg").iterdir()]
    assert len(names) == PEOPLE + 30
    assert sorted(name.split("_")[0] for name in names if "_3_0" in name) == sorted(cohort.repeated)


@pytest.mark.real
def test_augmented_leads_round_as_the_real_device_does(shared: Path) -> None:
    leads, counts = strip(shared / "data" / "ecg" / "devices" / "cardiosoft_ukb_20205.xml")
    eight = counts[[leads.index(lead) for lead in ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")]]
    again = twelve_leads_of_counts(eight.astype(np.int32))
    same = (again == counts[[leads.index(lead) for lead in LEADS]]).mean(axis=1)
    assert same.min() > 0.999


@pytest.mark.real
def test_network_has_the_columns_of_string(shared: Path, cohort: SimulatedCohort) -> None:
    real = (shared / "data" / "networks" / "string_interactions.tsv").read_text().splitlines()[0]
    assert (cohort.folder / "network.tsv").read_text().splitlines()[0] == real


@pytest.fixture(scope="module")
def device(cohort: SimulatedCohort) -> pl.DataFrame:
    """Elements of RestingECGMeasurements in the order of cohort.eids, read without ecgwas."""
    roots = [etree.parse(cohort.folder / "ecg" / f"{eid}_20205_2_0.xml").find("RestingECGMeasurements") for eid in cohort.eids]
    return pl.DataFrame([{element.tag: int(element.text) for element in root} for root in roots])


def net_area_axes(hearts: Hearts, starts_ms: np.ndarray, stops_ms: np.ndarray, *, level: bool) -> np.ndarray:
    """(N,) degrees, from net areas of leads I and aVF of noise-free beats, between times counted from QRS onset.

    Above the level at QRS onset, or else above the straight line between the two ends.
    """
    from_r = np.arange(475) * 2.0 - 350.0
    axes = []
    for i, beat in enumerate(clean_beats(hearts).astype(float)):
        times = from_r + hearts["r_time"][i] * hearts["qrs_ms"][i]
        grid = np.linspace(starts_ms[i], stops_ms[i], 400)
        lead_i, avf = (np.interp(grid, times, beat[LEADS.index(lead)]) for lead in ("I", "aVF"))
        zeros = [np.interp(0.0, times, beat[LEADS.index(lead)]) for lead in ("I", "aVF")]
        if not level:
            zeros = [np.interp(grid, grid[[0, -1]], values[[0, -1]]) for values in (lead_i, avf)]
        across, down = np.trapezoid(lead_i - zeros[0], grid), np.trapezoid(avf - zeros[1], grid)
        axes.append(np.degrees(np.arctan2(down / np.cos(np.pi / 6), across)))
    return np.array(axes)


def test_devices_measure_the_true_intervals_with_a_small_error(cohort: SimulatedCohort, device: pl.DataFrame) -> None:
    hearts = cohort.hearts
    # QT follows this recording's RR by two thirds of Framingham's 0.154.
    true_qt = hearts["qt_ms"] + 0.67 * 0.154 * (device["RRInterval"].to_numpy() - 60_000 / hearts["hr_bpm"])
    for name, true, most in (
        ("PQInterval", hearts["pr_ms"], 11), ("PDuration", hearts["p_ms"], 13), ("QRSDuration", hearts["qrs_ms"], 11),
        ("QTInterval", true_qt, 13.5),
    ):  # fmt: skip
        errors = device[name].to_numpy() - true
        assert np.abs(errors).max() <= most, name
        assert abs(errors.mean()) < 1, name
        assert 2 < errors.std() < 6, name


def test_devices_take_axes_from_net_areas_of_i_and_avf(cohort: SimulatedCohort, device: pl.DataFrame) -> None:
    hearts = cohort.hearts
    pr, p, qrs, qt = (hearts[name] for name in ("pr_ms", "p_ms", "qrs_ms", "qt_ms"))
    for name, true in (
        ("PAxis", net_area_axes(hearts, -pr, p - pr, level=False)), ("RAxis", net_area_axes(hearts, 0 * qrs, qrs, level=True)),
        ("TAxis", net_area_axes(hearts, qrs, qt, level=True)),
    ):  # fmt: skip
        errors = (device[name].to_numpy() - true + 180) % 360 - 180
        assert np.abs(errors).max() <= 5.5, name
        assert abs(errors.mean()) < 0.5, name


def test_devices_measure_rate_and_onsets_that_fit_their_intervals(cohort: SimulatedCohort, device: pl.DataFrame) -> None:
    for interval, start, stop in (
        ("PQInterval", "POnset", "QOnset"), ("PDuration", "POnset", "POffset"), ("QRSDuration", "QOnset", "QOffset"),
        ("QTInterval", "QOnset", "TOffset"),
    ):  # fmt: skip
        assert (device[interval] == device[stop] - device[start]).all(), interval
    assert (device["VentricularRate"] - 60_000 / device["RRInterval"]).abs().max() < 0.6
    for i in range(0, PEOPLE, 15):
        counts = strip(cohort.folder / "ecg" / f"{cohort.eids[i]}_20205_2_0.xml")[1]
        found = r_peaks(counts * 5.0)
        assert device["RRInterval"][i] == pytest.approx(2 * np.diff(found).mean(), abs=15)


def test_beats_are_where_the_truth_says() -> None:
    hearts = draw_hearts(60, np.random.default_rng(5))
    simulated = simulate_signals(hearts, np.random.default_rng(6))
    for i in range(60):
        true = simulated.r_samples[i][simulated.r_samples[i] >= 0]
        inner = true[(true > 100) & (true < 4900)]
        found = r_peaks(simulated.noisy_uv[i].astype(float))
        assert np.abs(found[:, None] - inner).min(axis=0).max() <= 25
        assert len(inner) <= len(found) <= len(true)
        assert abs(60_000 / (2 * np.diff(true).mean()) - hearts["hr_bpm"][i]) < 6


def test_heart_rates_and_noise() -> None:
    hearts = draw_hearts(200, np.random.default_rng(7))
    assert np.corrcoef(hearts["qt_ms"], hearts["hr_bpm"])[0, 1] < -0.5
    simulated = simulate_signals(hearts, np.random.default_rng(8))
    assert 0.01 < simulated.ectopic.any(axis=1).mean() < 0.10
    assert np.abs(simulated.noisy_uv - np.rint(simulated.noisy_uv / 5) * 5).max() == 0
    spectrum = np.abs(np.fft.rfft((simulated.noisy_uv - simulated.clean_uv)[:, :2], axis=2)).mean(axis=(0, 1))
    assert spectrum[500] > 3 * spectrum[450:490].mean()  # bin 500 is 50 Hz


def test_ectopic_beats_come_early_and_are_followed_by_a_pause() -> None:
    simulated = simulate_signals(make_hearts(80), np.random.default_rng(2))
    people, beats = np.nonzero(simulated.ectopic[:, 1:-1])
    peaks = simulated.r_samples
    inner = peaks[people, beats + 2] > 0
    people, beats = people[inner], beats[inner] + 1
    assert len(people) > 0
    before = peaks[people, beats] - peaks[people, beats - 1]
    after = peaks[people, beats + 1] - peaks[people, beats]
    assert (before < 0.85 * after).all()


def test_clean_beat_ends_t_where_qt_says() -> None:
    hearts = draw_hearts(50, np.random.default_rng(9))
    ends = np.array([tangent_end(beat[7]) for beat in clean_beats(hearts).astype(float)])
    true = hearts["qt_ms"] - hearts["r_time"] * hearts["qrs_ms"]
    difference = ends - true
    assert abs(difference.mean()) < 8
    assert difference.std() < 6


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.parameter)
def test_planted_effects_are_found_by_plain_measurements(cohort: SimulatedCohort, effect: PlantedEffect) -> None:
    planted = next(one for one in cohort.planted if one.parameter == effect.parameter)
    alleles = cohort.genomes.dosage[:, planted.column].astype(float)
    true = linregress(alleles, cohort.hearts[effect.parameter])
    assert abs(true.slope - effect.effect) < 4 * true.stderr
    assert true.pvalue < 1e-10
    values = cohort_measurements(cohort)[effect.parameter]
    normal = norm.ppf((rankdata(values) - 0.375) / (PEOPLE + 0.25))  # a plain measurement fails in a few people
    adjusted = residual(normal, np.column_stack([cohort.age, cohort.male, 60_000 / cohort.hearts["hr_bpm"]]))
    assert linregress(alleles, adjusted).pvalue < 1e-10


_CACHE: dict[Path, dict[str, np.ndarray]] = {}


def cohort_measurements(cohort: SimulatedCohort) -> dict[str, np.ndarray]:
    if cohort.folder not in _CACHE:
        _CACHE[cohort.folder] = measured(median_beats(recordings(cohort)))
    return _CACHE[cohort.folder]


def residual(values: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    design = np.column_stack([np.ones(len(values)), covariates])
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


def test_chromosome_without_effect_has_none(cohort: SimulatedCohort) -> None:
    null = np.array(cohort.genomes.chrom) == "5"
    dosage = cohort.genomes.dosage[:, null].astype(float)
    p_values = [linregress(column, cohort.hearts[name]).pvalue for column in dosage.T for name in ("qt_ms", "pr_ms", "r_uv")]
    assert min(p_values) > 1e-6


def test_linkage_decays_with_distance(cohort: SimulatedCohort) -> None:
    here = np.array(cohort.genomes.chrom) == "3"
    pos, dosage = cohort.genomes.pos[here], cohort.genomes.dosage[:, here].astype(float)
    common = np.abs(dosage.mean(axis=0) / 2 - 0.5) < 0.4
    r2 = np.corrcoef(dosage[:, common].T) ** 2
    distance = np.abs(pos[common][:, None] - pos[common])
    near, far = r2[(distance > 0) & (distance < 5_000)].mean(), r2[distance > 500_000].mean()
    assert near > 0.2
    assert far < 0.03


def test_genotypes_on_disk_are_the_simulated_ones_in_another_order(cohort: SimulatedCohort) -> None:
    bed = open_bed(cohort.folder / "genotypes" / "cohort.bed")
    row = {eid: i for i, eid in enumerate(cohort.eids)}
    assert list(bed.iid) != list(cohort.eids)
    read = bed.read(dtype="int8")
    true = cohort.genomes.dosage[[row[eid] for eid in bed.iid]]
    np.testing.assert_array_equal(np.where(read == -127, true, read), true)
    assert 0.001 < (read == -127).mean() < 0.004
    assert [bool(sex == 1) for sex in bed.sex] == [bool(cohort.male[row[eid]]) for eid in bed.iid]
    for planted in cohort.planted:
        assert bed.sid[planted.column] == planted.variant
        assert bed.allele_1[planted.column] == planted.allele
        assert bed.bp_position[planted.column] == planted.pos


def test_variants_are_common_sorted_and_named_once(cohort: SimulatedCohort) -> None:
    frequency = cohort.genomes.frequencies()
    assert np.minimum(frequency, 1 - frequency).min() >= 0.01
    assert len(set(cohort.genomes.variants)) == 6 * 400 == len(cohort.genomes.variants)
    for chrom in set(cohort.genomes.chrom):
        assert (np.diff(cohort.genomes.pos[np.array(cohort.genomes.chrom) == chrom]) > 0).all()
    for planted in cohort.planted:
        assert 0.3 <= frequency[planted.column] <= 0.7


def test_tables(cohort: SimulatedCohort) -> None:
    covariates = pl.read_csv(cohort.folder / "covariates.tsv", separator="\t", schema_overrides={"eid": pl.String})
    assert covariates.columns == ["eid", "age", "sex", "center", *(f"pc{k}" for k in range(1, 11))]
    assert covariates["eid"].to_list() == list(cohort.eids)
    assert covariates["sex"].to_list() == [1 if male else 2 for male in cohort.male]
    assert covariates.null_count().sum_horizontal().item() == 0
    truth = pl.read_csv(cohort.folder / "truth.tsv", separator="\t", schema_overrides={"chrom": pl.String})
    assert truth.columns == ["variant", "chrom", "pos", "allele", "parameter", "effect", "unit"]
    assert truth["variant"].to_list() == [planted.variant for planted in cohort.planted]
    parameters = pl.read_csv(cohort.folder / "parameters.tsv", separator="\t")
    assert parameters.columns == ["eid", *PARAMETERS]
    np.testing.assert_allclose(parameters["qt_ms"], cohort.hearts["qt_ms"], atol=1e-4)


def test_planted_variants_lie_in_their_genes(cohort: SimulatedCohort) -> None:
    lines = [line.split() for line in (cohort.folder / "genes.tsv").read_text().splitlines()]
    genes = [(chrom, int(start), int(end), symbol) for chrom, start, end, symbol in lines]
    found = {
        planted.parameter: [
            symbol for chrom, start, end, symbol in genes if chrom == planted.chrom and start <= planted.pos <= end
        ]
        for planted in cohort.planted
    }
    assert found == {"qt_ms": ["NOS1AP"], "r_uv": ["TTN"], "pr_ms": ["SCN5A"], "qrs_ms": ["CDKN1A"], "t_uv": ["KCNQ1"]}
    terms = [line.split("\t") for line in (cohort.folder / "terms.gmt").read_text().splitlines()]
    conduction = next(term for term in terms if term[0].startswith("cardiac conduction"))
    assert {"SCN5A", "KCNQ1", "NOS1AP"} <= set(conduction[2:])
    assert len({symbol for term in terms for symbol in term[2:]}) > 600


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    small = {"people": 20, "variants_per_chromosome": 50, "chromosomes": ("1", "22")}
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        simulate(tmp_path / name, seed=seed, **small)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a")["genotypes/cohort.bed"] != digests(tmp_path / "c")["genotypes/cohort.bed"]


def test_one_lead_files_hold_the_same_counts(tmp_path: Path) -> None:
    small = {"people": 4, "variants_per_chromosome": 50, "chromosomes": ("1",), "repeats": 0.25}
    whole = simulate(tmp_path / "whole", **small)
    simulate(tmp_path / "leads", layout="per_lead", **small)
    assert len(list((tmp_path / "leads" / "ecg").iterdir())) == 5 * 12
    for path in (tmp_path / "whole" / "ecg").iterdir():
        eid, rest = path.name.split("_", 1)
        for lead, row in zip(*strip(path), strict=True):
            leads, counts = strip(tmp_path / "leads" / "ecg" / f"{eid}_{lead}_{rest}")
            assert leads == [lead]
            np.testing.assert_array_equal(counts[0], row)
    assert [planted.parameter for planted in whole.planted] == ["qt_ms"]


def test_null_cohort(tmp_path: Path) -> None:
    cohort = simulate(tmp_path, people=4, effects=[], variants_per_chromosome=20, chromosomes=("2",))
    assert cohort.planted == ()
    assert (tmp_path / "truth.tsv").read_text() == "variant\tchrom\tpos\tallele\tparameter\teffect\tunit\n"


def test_what_cannot_be_simulated_is_refused(tmp_path: Path) -> None:
    small = {"people": 4, "variants_per_chromosome": 20}
    with pytest.raises(ValueError, match="no such parameter: q_ms"):
        simulate(tmp_path, effects=[PlantedEffect("q_ms", 1, "1")], chromosomes=("1",), **small)
    with pytest.raises(ValueError, match="not simulated: 9"):
        simulate(tmp_path, effects=[PlantedEffect("qt_ms", 1, "9")], chromosomes=("1",), **small)
    with pytest.raises(ValueError, match="1-22"):
        simulate(tmp_path, chromosomes=("X",), **small)
    simulate(tmp_path, chromosomes=("1",), **small)
    with pytest.raises(InputError, match="another cohort"):
        simulate(tmp_path, chromosomes=("1",), people=2, variants_per_chromosome=20)


def test_factories_keep_their_promises(tmp_path: Path) -> None:
    signals, hearts = make_signals(6, seed=2), make_hearts(6, seed=2)
    assert signals.strips.shape == (6, 12, 5000)
    assert signals.beats.shape == signals.odd_beats.shape == (6, 12, 475)
    clean = clean_beats(hearts)
    assert np.corrcoef(np.asarray(signals.beats).ravel(), clean.ravel())[0, 1] > 0.98
    assert np.isnan(make_traits(200, 5, missing=0.1).values).mean() == pytest.approx(0.1, abs=0.05)
    assert make_covariates(7, 3).values.shape == (7, 3)
    dosage = make_bed(tmp_path / "made.bed", 9, 11, missing=0.1)
    np.testing.assert_array_equal(open_bed(tmp_path / "made.bed").read(dtype="int8"), dosage)
