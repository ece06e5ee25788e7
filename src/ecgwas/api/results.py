"""The results of a study as tables and plots: `ecgwas.open("results")`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ecgwas.api import agreement
from ecgwas.errors import InputError, StudyError, first_few
from ecgwas.stages import trait_names
from ecgwas.study import Study
from ecgwas.tables import Table, Traits, files

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STUDY_FILE = "study.yaml"


def open(path: str | Path) -> Results:
    """The results of a study, from its results folder or its study file.

    - A results folder: tables are refused if they are incomplete, changed, from another version of ecgwas, or from other
      results of earlier stages than those in the folder. The options and inputs of the study are not looked at.
    - A study file (or a folder with a `study.yaml`): they are also refused if options or inputs have changed since.

    Nothing is read before it is asked for. Raises StudyError for a mistake in the study file, InputError if there is no such
    file or folder, or the folder has no results. `path` may begin with ~.

    >>> import ecgwas
    >>> ecgwas.open("no_such_folder")
    Traceback (most recent call last):
    ecgwas.errors.InputError: there are no results
      in: no_such_folder
      fix: give a results folder (with a folder `notes`), or a study file; `ecgwas run STUDY.yaml` makes results
    """
    place = Path(path).expanduser()
    if place.is_file() or (place / STUDY_FILE).is_file():
        study = Study.read_file(place if place.is_file() else place / STUDY_FILE)
        return Results(study.results, study)
    if not (place / files.NOTE.stage).is_dir():
        fix = "give a results folder (with a folder `notes`), or a study file; `ecgwas run STUDY.yaml` makes results"
        raise InputError("there are no results", where=place, fix=fix)
    return Results(place)


class Results:
    """The results of a study. Tables are polars data frames, read anew each time; docs/tables.md describes every column.

    folder  the results folder;  study  the study file's options; None if a results folder was opened

    Every table is checked before it is read (see `open`): MissingStageError says which stage has to run. Missing values are
    null. Tables about participants (`features`, `traits`, `covariates`, and others by `table`) are read only when they are
    asked for.
    """

    def __init__(self, folder: Path, study: Study | None = None) -> None:
        self.folder, self.study = folder, study
        self._fresh: set[tuple[str, str]] = set()

    def __repr__(self) -> str:
        return f"<ecgwas results in {self.folder}>"

    @property
    def loci(self) -> pl.DataFrame:
        """One row per locus: lead variant, position, best trait, -log10 p, and what is known of it (table Loci)."""
        return self._read(files.LOCI)

    def hits(self, trait: str | None = None) -> pl.DataFrame:
        """The significant associations (table Hits), of one trait or of all. Raises InputError for an unknown trait."""
        hits = self._read(files.HITS)
        return hits if trait is None else hits.filter(pl.col("trait") == self._known(trait))

    @property
    def thresholds(self) -> pl.DataFrame:
        """All significance thresholds, of which one is used (table Thresholds)."""
        return self._read(files.THRESHOLDS)

    @property
    def threshold(self) -> float:
        """-log10 p beyond which an association is significant in this study."""
        return float(self.thresholds.filter(pl.col("used"))["neglog10p"].item())

    @property
    def summary(self) -> pl.DataFrame:
        """One row per trait: participants, genomic inflation, significant variants, tests (table Summary)."""
        return self._read(files.SUMMARY)

    @property
    def trait_names(self) -> list[str]:
        """Names of the traits tested, `<representation>.<lead>.<feature>`, in the order of the scan."""
        return self.summary["trait"].to_list()

    @property
    def features(self) -> Mapping[str, pl.DataFrame]:
        """Representation -> features of the participants (table Features: `eid`, `lead`, a column per feature), before
        exclusions and transformation. Each is read when it is taken from the mapping."""
        return _Features(self)

    @property
    def traits(self) -> pl.DataFrame:
        """The traits as tested: `eid` and one column per trait, adjusted and transformed as the study says; missing null."""
        return self._read(files.TRAITS)

    @property
    def covariates(self) -> pl.DataFrame:
        """The covariates as tested: `eid` and one column per covariate, without an intercept."""
        return self._read(files.COVARIATES)

    def qq(self, trait: str) -> pl.DataFrame:
        """Points of a trait's QQ plot, all -log10 p, smallest first: `expected`, `observed`, and the 95 % band of independent
        tests, `low` to `high`. Raises InputError for an unknown trait."""
        return self._read(files.QQ).filter(pl.col("trait") == self._known(trait)).drop("trait")

    def associations(self, trait: str | None = None) -> pl.DataFrame:
        """The associations that the scan kept (-log10 p of at least `scan.keep_neglog10p`; table Associations), by chromosome.

        There may be millions: name a trait if one is enough. Raises InputError for an unknown trait.
        """
        name = None if trait is None else self._known(trait)
        frames = [self._read(files.ASSOCIATIONS, part=part) for part in self._scan_parts()]
        return pl.concat(frame if name is None else frame.filter(pl.col("trait") == name) for frame in frames)

    def table(self, name: str) -> pl.DataFrame:
        """Any table of the results folder by its path below it, such as `loci/credible.csv`; `tables` lists them.

        Raises InputError for a name that is not a table's.
        """
        stage, _, below = name.partition("/")
        for file in files.of_stage(stage) if below else ():
            if isinstance(file, files.TableFile) and file.matches(below):
                return self._checked(file, below)
        fix = f"tables: {first_few(self.tables, 12)}; docs/tables.md describes them"
        raise InputError(f"no table is named {name}", where=self.folder, fix=fix)

    @property
    def tables(self) -> list[str]:
        """Paths of all tables in the results folder, below it, for `table`."""
        names = []
        for stage in sorted(path.name for path in self.folder.glob("*/")):
            below = (path.relative_to(self.folder / stage).as_posix() for path in sorted((self.folder / stage).rglob("*.*")))
            tables = [file for file in files.of_stage(stage) if isinstance(file, files.TableFile)]
            names += [f"{stage}/{name}" for name in below if any(file.matches(name) for file in tables)]
        return names

    def plot_manhattan(self, trait: str | None = None, *, ax: Axes | None = None) -> Axes:
        """Draws -log10 p along the genome with the study's threshold: of one trait, or of each variant's strongest.

        Only associations that the scan kept are drawn. ax: matplotlib axes to draw into; None: new ones, which are returned.
        Raises InputError for an unknown trait.
        """
        from ecgwas.api import plots

        return plots.manhattan(self.associations(trait), self.threshold, trait, ax)

    def plot_qq(self, trait: str, *, ax: Axes | None = None) -> Axes:
        """Draws a trait's QQ plot with the 95 % band of independent tests and lambda. Arguments and errors are those of
        `plot_manhattan`."""
        from ecgwas.api import plots

        inflation = self.summary.filter(pl.col("trait") == self._known(trait))["lambda_gc"].item()
        return plots.qq(self.qq(trait), trait, inflation, ax)

    def plot_locus(self, locus: int, *, ax: Axes | None = None) -> Axes:
        """Draws the best trait of a locus (its number in `loci`) against all variants around it, coloured by squared
        correlation with the lead variant (diamond). Raises InputError for an unknown locus."""
        from ecgwas.api import plots

        rows = self.loci.filter(pl.col("locus") == locus)
        if rows.height == 0:
            numbers = first_few(self.loci["locus"].to_list(), 20)
            raise InputError(f"there is no locus {locus}", where=self.folder, fix=f"loci: {numbers or 'none was found'}")
        row = rows.row(0, named=True)
        of_best = (pl.col("locus") == locus) & (pl.col("trait") == row["best_trait"])
        return plots.locus(self._read(files.NEIGHBOURHOODS).filter(of_best), row, self.threshold, ax)

    def plot_ecg_by_genotype(self, variant: str) -> dict[str, Axes]:
        """Draws the mean median beat of the participants with 0, 1 and 2 copies of a variant's effect allele, with 95 % bands,
        unadjusted, in twelve leads. A genotype of fewer than 5 participants is not drawn.

        variant: id, rs number, chrom:pos or chrom:pos:allele:allele. Reads recordings and genotypes of the participants
        tested, so the study file must be known: open it, or keep it next to the results folder as study.yaml.

        Returns lead -> matplotlib axes. Raises InputError for an unknown or ambiguous variant, and without a study file or
        recordings.
        """
        from ecgwas.api import by_genotype, plots

        study = self._study_of_inputs()
        for file in (files.TRAITS,) if study.read is None else (files.RECORDINGS, files.TRAITS):
            self._checked(file, file.name)
        return plots.ecg_by_genotype(by_genotype.mean_beats(study, variant))

    def _study_of_inputs(self) -> Study:
        """The study opened, or the one next to the results folder. Raises InputError if there is none."""
        if self.study is not None:
            return self.study
        path = self.folder.resolve().parent / STUDY_FILE
        if path.is_file():
            study = Study.read_file(path)
            if study.results.resolve() == self.folder.resolve():
                return study
        fix = "open the study file instead: ecgwas.open('study.yaml')"
        raise InputError("the results folder does not say where the genotypes are", where=self.folder, fix=fix)

    def _scan_parts(self) -> list[str]:
        """The chromosomes on which the loci rest."""
        _, note = agreement.part_of(self.folder, files.LOCI.stage, files.LOCI.name)
        earlier = (name.split("/", 1) for name in note.facts["inputs"]["parts"])
        return [part for stage, part in earlier if stage == files.ASSOCIATIONS.stage]

    def _known(self, trait: str) -> str:
        """The name, if a trait has it. Raises InputError."""
        names = self.trait_names
        if trait not in names:
            near = trait_names.similar(str(trait), names)
            fix = f"did you mean {' or '.join(near)}?" if near else f"traits: {first_few(names)}; .trait_names has all"
            raise InputError(f"the study has no trait {trait}", where=self.folder, fix=fix)
        return trait

    def _read(self, file: files.TableFile[Any], **names: str) -> pl.DataFrame:
        return self._checked(file, file.name.format(**names))

    def _checked(self, file: files.TableFile[Any], name: str) -> pl.DataFrame:
        """The table at a path below its stage's folder. Raises MissingStageError if it cannot be used."""
        part, note = agreement.part_of(self.folder, file.stage, name)
        agreement.refuse_changed(self.folder, file.stage, part, name, note)
        if self.study is not None and (file.stage, part) not in self._fresh:
            agreement.refuse_stale(self.study, file.stage, part)
            self._fresh.add((file.stage, part))
        return _frame(file.table.read(self.folder / file.stage / name))


class _Features(Mapping[str, pl.DataFrame]):
    """Representation -> its features, read when taken."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._names = [names["representation"] for names in files.FEATURES.all_names(results.folder)]

    def __getitem__(self, representation: str) -> pl.DataFrame:
        if representation not in self._names:
            listed = first_few(self._names, 20)
            fix = f"representations: {listed}" if listed else agreement.RUN
            problem = f"there are no features of a representation {representation}"
            raise _UnknownRepresentation(problem, where=self._results.folder, fix=fix)
        return self._results._read(files.FEATURES, representation=representation)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<features of {', '.join(self._names) or 'no representation'}>"


class _UnknownRepresentation(InputError, KeyError):
    """InputError, and the KeyError that a mapping owes."""


def _frame(table: Any) -> pl.DataFrame:
    """The data frame of a table; of Traits one column per name after `eid`."""
    if isinstance(table, Table):
        return table.frame
    if isinstance(table, Traits):
        values = {name: table.values[:, k] for k, name in enumerate(table.names)}
        return pl.DataFrame({"eid": list(table.eids), **values}).with_columns(pl.exclude("eid").fill_nan(None))
    raise StudyError(f"{type(table).__name__} is not a table", fix="please report this bug of ecgwas")
