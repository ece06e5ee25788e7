"""Stage share and the command audit: no eid, no recording, no small group; every planted leak is found."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from ecgwas import stages
from ecgwas.commands.audit import audit
from ecgwas.commands.cli import main
from ecgwas.errors import Caution, DisclosureError, InputError, MissingStageError
from ecgwas.genotypes import chromosomes
from ecgwas.loci.neighbourhoods import place_of_lead
from ecgwas.privacy.matching import assign_folds, beyond_chance
from ecgwas.stages import matching as matched
from ecgwas.stages import represent, share_crate, traits
from ecgwas.stages.base import seed_of
from ecgwas.study import Study
from ecgwas.tables import files
from ecgwas.tables.recordings import SignalErrors
from tests.cohorts import make_cohort


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A small cohort run to its end; a threshold that some tests pass, so that there are loci."""
    path = make_cohort(tmp_path_factory.mktemp("cohort"), people=100, variants=120, permutations=0)
    pca = "represent:\n  - {kind: pca, name: pca, features: 6}\n  - {kind: intervals, name: clinical}\n\ntraits:"
    text = re.sub(r"represent:.*?\ntraits:", pca, path.read_text(), flags=re.DOTALL)
    path.write_text(re.sub(r"threshold: permutation", "threshold: 1.0e-4", text))
    study = Study.read_file(path)
    stages.run(study)
    return study


@pytest.fixture
def copy(finished: Study, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.results / "share", tmp_path / "share"))


def eids(study: Study) -> list[str]:
    people = pl.read_csv(study.results / "traits" / "people.csv", infer_schema=False)["eid"]
    return sorted({*people, *pl.read_parquet(study.results / "read" / "recordings.parquet")["eid"].drop_nulls()})


def test_no_byte_of_what_is_shared_holds_an_eid(finished: Study) -> None:
    """Searched another way than by the audit: bytes of every file, blocks of the page inflated, Parquet as text."""
    for path in (path for path in (finished.results / "share").rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content = pl.read_parquet(path).drop("pos").write_csv().encode()
        for block in re.findall(rb'<script type="text/plain"[^>]*>([^<]*)</script>', content):
            content += zlib.decompress(base64.b64decode(block))
        for eid in eids(finished):
            assert eid.encode() not in content, path


def test_the_audit_passes_and_prints_what_it_searched(finished: Study) -> None:
    done = CliRunner().invoke(main, ["audit", str(finished.results / "share")])
    assert done.exit_code == 0, done.output
    assert f"searched for {len(eids(finished))} people: 0 eids found" in done.output
    assert "are one person's" in done.output
    assert re.search(r"genome of an ECG by .*: \d\.\d+; by chance 0\.0\d+", done.output)
    assert re.search(
        r"members distinguished by [\d,]+ allele frequencies .* and genome, area .*: \d\.\d+; by chance 0\.5", done.output
    )


def test_what_genomes_tell_beyond_chance_is_a_warning_and_never_in_order(finished: Study, copy: Path) -> None:
    """Members found with certainty once stood behind `ok:`, and before "shows nobody"."""
    path = copy / "tables" / "share" / "membership.csv"
    table = pl.read_csv(path)
    known = ["audit", str(copy), "--results", str(finished.results)]

    def said(rate: float) -> str:
        table.with_columns(rate=pl.lit(rate)).write_csv(path)
        share_crate.write(finished, copy)
        done = CliRunner().invoke(main, known)
        assert done.exit_code == 0, done.output
        assert "shows nobody" not in done.output
        assert not re.search(r"ok: .*(members distinguished|by lead variants|by sex)", done.output)
        return done.output

    certain = said(1.0)
    assert len(re.findall(r"^  warning: members distinguished", certain, re.MULTILINE)) == table.height
    assert re.search(r"It is not anonymous: \d+ of the rates above exceed chance", certain)
    nothing = said(0.0)
    assert "warning: members" not in nothing
    assert len(re.findall(r"^  measured: members distinguished", nothing, re.MULTILINE)) == table.height
    matching = copy / "tables" / "share" / "matching.csv"
    pl.read_csv(matching).with_columns(rate=pl.col("chance")).write_csv(matching)
    plain = said(0.0)
    assert "warning" not in plain
    assert "does not prove that it is anonymous" in plain
    matching.unlink()
    path.unlink()
    assert said_of_nothing(known).count("was not measured") == 2


def said_of_nothing(known: list[str]) -> str:
    output = CliRunner().invoke(main, known).output
    assert not re.search(r"ok: .*not measured", output)
    return output


def test_an_error_rate_below_its_limit_is_beyond_chance() -> None:
    row = {"measure": "equal error rate", "rate": 0.1, "chance_limit": 0.45}
    assert beyond_chance(row) is True
    assert beyond_chance(row | {"rate": 0.5}) is False
    assert beyond_chance(row | {"measure": "area under the ROC curve", "rate": 0.5}) is True
    assert beyond_chance(row | {"chance_limit": None}) is None


def test_loci_chosen_by_others_have_a_limit_as_sex_has(finished: Study) -> None:
    table = pl.read_csv(finished.results / "share" / "tables" / "share" / "matching.csv")
    assert table["chance_limit"].null_count() == 0
    names = table["predictors"].unique(maintain_order=True).to_list()
    assert "sex" in names
    loci = [name for name in names if "loci found in other people" in name]
    assert len(loci) == 2  # Alone, and with sex.
    assert all(re.fullmatch(r"lead variants of (\d+ to )?\d+ loci found in other people(, and sex)?", name) for name in loci)
    said = CliRunner().invoke(main, ["audit", str(finished.results / "share")]).output
    assert "no limit" not in said
    readme = (finished.results / "share" / "README.md").read_text()
    assert "does not make it anonymous" in readme
    assert "in\nother participants" in readme


def test_loci_of_a_fold_are_those_of_a_study_of_the_others(finished: Study, tmp_path: Path) -> None:
    """The whole chain again for a study that never had the people of the first fold: its traits, scan and loci."""
    tested = traits.load_traits(finished)
    held = assign_folds(len(tested.eids), seed=seed_of(finished, "share"))
    eids = {tested.eids[i] for i in held[0]}
    others = tmp_path / "others.txt"
    others.write_text("\n".join(eid for eid in tested.eids if eid not in eids) + "\n")
    scanned = finished.scan.model_copy(update={"people": others})
    results = Path(shutil.copytree(finished.results, tmp_path / "results"))
    guards = dict.fromkeys(type(finished.traits.guards).model_fields)
    covariates = traits.load_covariates(finished)
    table = tmp_path / "covariates.tsv"
    frame = pl.DataFrame({"eid": covariates.eids} | {n: covariates.values[:, k] for k, n in enumerate(covariates.names)})
    frame.write_csv(table, separator="\t")
    chosen = finished.traits.model_copy(update={
        "covariates": table, "components": 0, "categorical": (), "guards": finished.traits.guards.model_copy(update=guards),
    })  # fmt: skip
    smaller = finished.model_copy(update={"scan": scanned, "traits": chosen, "results": results})
    for stage, part in (("traits", "all"), *(("scan", name) for name in chromosomes.available(scanned)), ("loci", "all")):
        stages.run_part(smaller, stage, part, force=True)
    theirs = pl.read_csv(results / "loci" / "loci.csv", schema_overrides={"chrom": pl.String})
    ours = matched.loci_of_folds(finished, represent.load_features(finished), tested, held)[0]
    assert len(ours.leads) == theirs.height > 0
    parts = {name: chromosomes.open_chromosome(finished.scan, name) for name in chromosomes.available(finished.scan)}
    for row in theirs.iter_rows(named=True):
        genotypes = parts[row["chrom"]]
        copies = genotypes.dosage_of(place_of_lead(genotypes, row), tested.eids)
        assert any(np.array_equal(copies, lead, equal_nan=True) for lead in ours.leads)


def test_shuffled_people_are_not_matched(finished: Study) -> None:
    null = finished.model_copy(update={"traits": finished.traits.model_copy(update={"shuffle": True})})
    assert len(matched.matched(null)) == 0


def test_the_private_report_does_not_pass(finished: Study) -> None:
    found = audit(finished.results / "report", min_people=10)
    assert any("one person's recording" in str(mistake) for mistake in found.mistakes)


def to_csv(folder: Path, eid: str) -> None:
    path = folder / "tables" / "loci" / "hits.csv"
    path.write_text(path.read_text().replace("pca.12L", f"pca.{eid}", 1))


def to_page(folder: Path, eid: str) -> None:
    path = folder / "report.html"
    path.write_text(path.read_text().replace("</h1>", f" {eid}</h1>", 1))


def to_block(folder: Path, eid: str) -> None:
    path = folder / "report.html"
    block = base64.b64encode(zlib.compress(f"rs1\tA\t{eid}".encode())).decode()
    path.write_text(re.sub(r'(id="block-variant-names">)[^<]*', rf"\g<1>{block}", path.read_text(), count=1))


def to_parquet(folder: Path, eid: str) -> None:
    path = folder / "tables" / "scan" / "associations.parquet"
    frame = pl.read_parquet(path)
    numbers = pl.Series("sample", [0] * (frame.height - 1) + [int(eid)], dtype=pl.Float64)
    frame.with_columns(numbers).write_parquet(path)


def to_svg(folder: Path, eid: str) -> None:
    path = folder / "figures" / "inflation.svg"
    path.write_text(path.read_text().replace("</svg>", f"<text>{eid}</text></svg>"))


def to_name(folder: Path, eid: str) -> None:
    shutil.copy(folder / "README.md", folder / f"{eid}.md")


@pytest.mark.parametrize("plant", [to_csv, to_page, to_block, to_parquet, to_svg, to_name], ids=lambda plant: plant.__name__)
def test_an_eid_anywhere_is_found(finished: Study, copy: Path, plant: Callable[[Path, str], None]) -> None:
    eid = eids(finished)[7]
    plant(copy, eid)
    found = audit(copy, results=finished.results)
    assert any(isinstance(mistake, DisclosureError) and eid in mistake.problem for mistake in found.mistakes)


@pytest.mark.parametrize("visit", ["0000", "0000/repeats"])
def test_a_recording_a_small_group_and_strange_files_are_found(finished: Study, copy: Path, visit: str) -> None:
    beats = np.load(finished.results / "read" / "signals" / visit / "beats.npy")
    curve = beats[3, 1].astype(float) + 0.4
    about = {"lead": ["II"] * len(curve), "time_ms": np.arange(len(curve)) * 2.0 - 350.0, "mean_uv": curve}
    pl.DataFrame(about).write_csv(copy / "figures" / "typical.csv")
    pl.DataFrame({"eid": ["somebody"], "people": [4]}).write_csv(copy / "tables" / "few.csv")
    (copy / "model.safetensors").write_bytes(b"\0\1\2")
    (copy / "figures" / "made.svg").write_text(f"<svg><title>{finished.results.resolve()}</title></svg>")
    said = "\n".join(str(mistake) for mistake in audit(copy, results=finished.results).mistakes)
    for words in (
        "column mean_uv is one person's recording",
        "4 in tables/few.csv",
        "few.csv: eid",
        "model.safetensors",
        "made.svg",
    ):
        assert words in said


def test_a_file_that_no_stage_declares_is_found(finished: Study, copy: Path) -> None:
    pl.DataFrame({"trait": ["pca.12L.f01"]}).write_csv(copy / "tables" / "loci" / "strangers.csv")
    mistakes = audit(copy / "tables", results=finished.results, min_people=10).mistakes
    assert [mistake.problem for mistake in mistakes] == [
        "1 file(s) that `ecgwas share` does not write: tables/loci/strangers.csv"
    ]


def test_positions_variants_and_terms_are_not_people(finished: Study, copy: Path, tmp_path: Path) -> None:
    listed = tmp_path / "eids.txt"
    listed.write_text("eid\n1901018\n3000017\n")
    table = {"variant": ["3:3000017:A:G"], "pos": [3_000_017], "term": ["GO:1901018"], "trait": ["pca.12L.f01"]}
    pl.DataFrame(table).write_csv(copy / files.SET_HITS.shared_copy.name)
    share_crate.write(finished, copy)
    assert audit(copy, results=finished.results, eids=listed).mistakes == ()
    pl.DataFrame({"trait": ["3000017"]}).write_csv(copy / files.SET_HITS.shared_copy.name)
    share_crate.write(finished, copy)
    assert len(audit(copy, results=finished.results, eids=listed).mistakes) == 1


def test_people_whom_only_a_feature_table_held_are_searched_for(tmp_path: Path) -> None:
    rows = pl.DataFrame({"mse": [None], "eid": ["8123456"], "lead": ["12L"], "file": [None], "reason": ["withdrawn"]})
    left_out = SignalErrors(rows.cast({"mse": pl.Float64, "file": pl.String}))
    files.WITHOUT_FEATURES.write(left_out, tmp_path / "represent", representation="mine")
    shared = tmp_path / "share"
    shared.mkdir()
    (shared / "README.md").write_text("About 8123456.\n")
    found = audit(shared, min_people=10)
    assert any("8123456" in str(mistake) for mistake in found.mistakes)


def test_where_nobody_is_known_nothing_is_proved(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingStageError, match="no eid is known"):
        audit(copy)
    with pytest.raises(InputError, match="no such folder"):
        audit(tmp_path / "nowhere")
    with pytest.raises(InputError, match="people to search for is missing"):
        audit(copy, eids=tmp_path / "nowhere.txt")
    (copy / "about.json").unlink()
    (tmp_path / "eids.txt").write_text("1234567\n")
    with pytest.raises(InputError, match="smallest group"):
        audit(copy, eids=tmp_path / "eids.txt")
    assert audit(copy, eids=tmp_path / "eids.txt", min_people=10).mistakes == ()


def test_the_results_say_that_they_are_private(finished: Study) -> None:
    assert "individual participants" in (finished.results / "README.md").read_text()
    assert "may be passed on" in (finished.results / "share" / "README.md").read_text()


def test_results_of_another_version_are_not_read(finished: Study) -> None:
    note = finished.results / "notes" / "loci" / "all.json"
    content = note.read_text()
    try:
        note.write_text(re.sub(r'"loci": \d+', '"loci": 0', content))
        with pytest.raises(MissingStageError, match=r"loci of version 0, not \d+"):
            stages.run_part(finished, "share", "all", force=True)
        assert not stages.is_fresh(finished, "report", "all")
    finally:
        note.write_text(content)
    assert stages.is_fresh(finished, "share", "all")


def test_a_larger_smallest_group_shows_less(finished: Study) -> None:
    less = {"min_people": 40, "matching": False, "membership": False}
    strict = finished.model_copy(update={"share": finished.share.model_copy(update=less)})
    stages.run_part(strict, "share", "all")
    try:
        assert audit(finished.results / "share").mistakes == ()
        assert list((finished.results / "share" / "tables" / "share").glob("*.csv")) == []
    finally:
        stages.run_part(finished, "share", "all")


def crate_of(folder: Path) -> dict[str, Any]:
    return {one["@id"]: one for one in json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]}


def test_the_crate_names_every_file_with_its_hash(finished: Study) -> None:
    folder = finished.results / "share"
    named = crate_of(folder)
    parts = {one["@id"] for one in named["./"]["hasPart"]}
    paths = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert parts == paths - {"ro-crate-metadata.json"}
    assert len(parts) > 30
    for name in parts:
        content = (folder / name).read_bytes()
        assert named[name]["sha256"] == hashlib.sha256(content).hexdigest()
        assert named[name]["contentSize"] == str(len(content))
        assert len(named[name]["description"]) > 10
    assert (folder / "workflow" / "ecgwas.smk").read_text().count("rule ") >= 8


def test_the_crate_tells_of_inputs_no_more_than_their_options(finished: Study) -> None:
    """No hash, name or size of what holds participants' data; of references the hash."""
    named = crate_of(finished.results / "share")
    inputs = [named[one["@id"]] for one in named["#run"]["object"]]
    about_people = {"read.recordings", "traits.covariates", "scan.genotypes"}
    assert about_people <= {one["name"] for one in inputs}
    assert all("sha256" not in one and "contentSize" not in one for one in inputs if one["name"] in about_people)
    text = (finished.results / "share" / "ro-crate-metadata.json").read_text()
    stem = finished.scan.genotypes.name
    assert f'"{stem}' not in text
    assert str(finished.folder) not in text
    assert not any(one["@type"] == "Person" for one in named.values())
    (regions,) = [one for one in finished.genes if one.kind == "regions"]
    hashes = {one["sha256"] for one in inputs if one["@id"].startswith("#input-genes")}
    assert hashlib.sha256(regions.file.read_bytes()).hexdigest() in hashes


def test_the_crate_is_the_same_whenever_and_wherever_it_is_written(finished: Study, copy: Path) -> None:
    before = (copy / "ro-crate-metadata.json").read_bytes()
    for path in copy.rglob("*"):
        path.touch()
    share_crate.write(finished, copy)
    assert (copy / "ro-crate-metadata.json").read_bytes() == before


def change(folder: Path) -> None:
    path = folder / "tables" / "loci" / "summary.csv"
    path.write_text(path.read_text().replace("\n", "\n\n", 1))


def add(folder: Path) -> None:
    (folder / "figures" / "later.csv").write_text("x\n1\n")


def name_somebody(folder: Path) -> None:
    edit(folder, {"@id": "#somebody", "@type": "Person", "name": "Erika Mustermann"})


def name_a_home(folder: Path) -> None:
    edit(folder, {"@id": "#made", "@type": "CreativeWork", "name": "made in /home/mustermann/study"})


def edit(folder: Path, entity: dict[str, str]) -> None:
    path = folder / "ro-crate-metadata.json"
    content = json.loads(path.read_text())
    content["@graph"].append(entity)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (change, r"1 file\(s\) are not as `ecgwas share` wrote them, by their hashes: tables/loci/summary\.csv"),
        (add, r"1 file\(s\) are not named in it: figures/later\.csv"),
        (name_somebody, r"1 person\(s\) who are not among the authors .*: Erika Mustermann"),
        (name_a_home, "paths of a machine: made in /home/mustermann"),
        (lambda folder: (folder / "ro-crate-metadata.json").write_text("{"), "description of the folder cannot be read"),
    ],
    ids=["changed", "added", "person", "path", "damaged"],
)
def test_the_audit_compares_the_crate(finished: Study, copy: Path, tamper: Callable[[Path], None], words: str) -> None:
    assert audit(copy, results=finished.results).mistakes == ()
    tamper(copy)
    mistakes = audit(copy, results=finished.results).mistakes
    assert any(isinstance(mistake, DisclosureError) and re.search(words, str(mistake)) for mistake in mistakes)


def test_what_the_crate_names_and_the_folder_lacks_is_a_warning(finished: Study, copy: Path) -> None:
    (copy / "tables" / "loci" / "summary.csv").unlink()
    found = audit(copy, results=finished.results)
    assert found.mistakes == ()
    assert any(isinstance(fact, Caution) and "absent: tables/loci/summary.csv" in fact for fact in found.facts)
    (copy / "ro-crate-metadata.json").unlink()
    assert any("there is no ro-crate-metadata.json" in fact for fact in audit(copy, results=finished.results).facts)


def test_authors_of_the_study_are_named_and_no_mistake(finished: Study, copy: Path, tmp_path: Path) -> None:
    authors = {"authors": ("Ada Byron (0000-0002-1825-0097)",), "licence": "CC BY 4.0", "published": "2026-12-01"}
    named = finished.model_copy(update={"share": finished.share.model_copy(update=authors)})
    share_crate.write(named, copy)
    assert any("Ada Byron" in str(mistake) for mistake in audit(copy, results=finished.results).mistakes)
    note = json.loads((finished.results / "notes" / "share" / "all.json").read_text())
    note["made"]["options"][0] |= {"authors": list(authors["authors"])}
    results = tmp_path / "results"
    shutil.copytree(finished.results / "traits", results / "traits")
    (results / "notes" / "share").mkdir(parents=True)
    (results / "notes" / "share" / "all.json").write_text(json.dumps(note))
    found = audit(copy, results=results)
    assert found.mistakes == ()
    assert any("only the authors of the study (Ada Byron)" in fact for fact in found.facts)


def test_the_command_prints_every_rate_as_one_table(finished: Study) -> None:
    done = CliRunner().invoke(main, ["share", str(finished.folder / "study.yaml")])
    assert done.exit_code == 0, done.output
    assert "Nothing to do: share is fresh" in done.output
    lines = done.output.splitlines()
    rates = [row for file in (files.MATCHING, files.MEMBERSHIP) for row in file.read(finished.results).frame.rows(named=True)]
    assert len(rates) > 5
    for row in rates:
        numbers = [f"{row[name]:.4g}" for name in ("rate", "chance", "chance_limit")]
        assert any(all(number in line.split() for number in numbers) for line in lines), row
    assert re.search(rf"^\d+ of {len(rates)} rates are beyond what chance gives", done.output, re.MULTILINE)
    assert "does not state what the study file does not: share.licence, share.authors, share.published" in done.output
    assert "\x1b" not in done.output
