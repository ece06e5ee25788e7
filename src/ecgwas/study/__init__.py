"""study.yaml as frozen objects: every option once, with default, unit, bounds and meaning.

`Study.read_file(path)` checks the whole file and reports every mistake together.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, PrivateAttr, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from ecgwas.errors import StudyError
from ecgwas.study.base import Options, StudyPath, option
from ecgwas.study.feature_table import FeatureTable
from ecgwas.study.genes import (
    Enrichment,
    EnsemblVep,
    GeneSource,
    Gprofiler,
    GwasCatalog,
    Haploreg,
    HeartWords,
    NetworkLimits,
    Ontologies,
    OpenTargets,
    Regions,
    Service,
    StringDb,
    StringFiles,
    TermLimits,
    TermService,
    VariantService,
)
from ecgwas.study.loci import LociOptions
from ecgwas.study.mistakes import NO_RECORDINGS, booleans_for_numbers, study_error
from ecgwas.study.origins import Setting, contradictions, settings
from ecgwas.study.outcomes import OutcomeOptions
from ecgwas.study.own_model import TrainedEncoder
from ecgwas.study.predict import PredictOptions
from ecgwas.study.presets import PRESETS, with_preset
from ecgwas.study.read import (
    RHYTHMS,
    BeatOptions,
    Fourier,
    HighPass,
    MovingAverage,
    QualityOptions,
    ReadOptions,
    Rhythm,
    RhythmOptions,
    Untouched,
    Wavelet,
)
from ecgwas.study.report import ReportOptions
from ecgwas.study.represent import (
    BeatPoints,
    Intervals,
    Learned,
    Local,
    Pca,
    RepresentationOptions,
    ResidualAutoencoder,
    Vae,
)
from ecgwas.study.representation import Representation
from ecgwas.study.scan import Imported, Matrix, Plink2, Scan, ScanOptions
from ecgwas.study.scores import OwnScores, ScoreOptions
from ecgwas.study.share import ShareOptions
from ecgwas.study.traits import TraitOptions
from ecgwas.study.yaml_words import fix_for, misread_numbers

__all__ = [
    "BeatOptions", "BeatPoints", "Enrichment", "EnsemblVep", "FeatureTable", "Fourier", "GeneSource", "Gprofiler",
    "GwasCatalog", "Haploreg", "HeartWords", "HighPass", "Imported", "Intervals", "Learned", "Local", "LociOptions",
    "Matrix", "MovingAverage", "NetworkLimits", "Ontologies", "OpenTargets", "Options", "OutcomeOptions", "OwnScores",
    "Pca", "Plink2", "PredictOptions", "QualityOptions", "RHYTHMS", "ReadOptions", "Regions", "ReportOptions",
    "Representation", "RepresentationOptions", "ResidualAutoencoder", "Rhythm", "RhythmOptions", "Scan", "ScanOptions",
    "ScoreOptions", "Service", "Setting", "ShareOptions", "StringDb", "StringFiles", "Study", "TermLimits", "TermService",
    "TrainedEncoder", "TraitOptions", "Untouched", "Vae", "VariantService", "Wavelet",
]  # fmt: skip


class Study(Options):
    """One study: its inputs, its methods, its results folder."""

    name: str = option(min_length=1)
    """Name of the study, shown in the report."""
    seed: int = option(1, ge=0, lt=2**32)
    """Seed from which every random choice follows."""
    results: StudyPath = Path("results")
    """Folder for results."""
    preset: Literal["calibrated", "published"] = "calibrated"
    """Values of options that this file does not set: the calibrated chain, or the chain exactly as the source study ran it."""
    offline: bool = False
    """Online sources answer only from results/cache; no network connection is opened."""
    read: ReadOptions | None = None
    """Recordings in, cleaned signals out; required unless all features come from tables (`represent`, kind `table`)."""
    represent: tuple[RepresentationOptions, ...] = Field(min_length=1)
    """Representations, each with a kind and a name."""
    traits: TraitOptions
    """Participants, covariates, transformation."""
    scan: ScanOptions
    """Genotypes and association engine."""
    loci: LociOptions = LociOptions()
    """Significance threshold and loci."""
    genes: tuple[GeneSource, ...] = ()
    """Sources of genes, networks and terms."""
    outcomes: OutcomeOptions | None = None
    """Diseases, measurements and survival, with which every trait is tested; none: the stage has nothing to do."""
    predict: PredictOptions | None = None
    """How well all traits together tell diseases and genotypes; none: the stage has nothing to do."""
    scores: ScoreOptions | None = None
    """Polygenic scores of the participants, and what they predict; none: the stage has nothing to do."""
    report: ReportOptions = ReportOptions()
    """The report page."""
    share: ShareOptions = ShareOptions()
    """What may be passed on."""
    _folder: Path = PrivateAttr(default=Path())
    _settings: tuple[Setting, ...] = PrivateAttr(default=())

    @field_validator("results")
    @classmethod
    def _results_have_a_folder(cls, results: Path, info: ValidationInfo) -> Path:
        """Results in the folder of study.yaml would mix with its inputs."""
        folder = (info.context or {}).get("folder")
        if folder is not None and folder.is_relative_to(os.path.normpath(results)):
            raise ValueError("results need a folder of their own, not one that holds study.yaml, such as `results`")
        return results

    @field_validator("read", "scan")
    @classmethod
    def _results_outside_inputs(cls, section: ReadOptions | Scan | None, info: ValidationInfo) -> ReadOptions | Scan | None:
        """Results among recordings or genotypes would be read as inputs."""
        if section is None:
            return None
        results, folder = info.data.get("results"), (info.context or {}).get("folder")
        inputs = section.recordings if isinstance(section, ReadOptions) else section.genotypes.parent
        place = Path(os.path.normpath(results)) if results is not None and folder is not None else None
        is_inside = place is not None and place.is_relative_to(os.path.normpath(inputs)) and inputs != folder
        if is_inside and (isinstance(section, ReadOptions) or place == Path(os.path.normpath(inputs))):
            raise ValueError(f"`results` lies among these inputs, in {inputs.name}; give it a folder of its own")
        return section

    @field_validator("represent")
    @classmethod
    def _names_are_unique(cls, represent: tuple[Representation, ...]) -> tuple[Representation, ...]:
        # Each name is a folder, and some file systems ignore case.
        names = [representation.name.lower() for representation in represent]
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if duplicates:
            raise ValueError(f"two representations are named {', '.join(duplicates)}; give each its own name")
        return represent

    @field_validator("represent")
    @classmethod
    def _everyone_has_inputs(cls, represent: tuple[Representation, ...], info: ValidationInfo) -> tuple[Representation, ...]:
        """Median beats need everyone's beats to be found; leads together need leads of one visit."""
        read = info.data.get("read")
        options = [] if read is None else read.options_without_common_beats
        of_recordings = [representation for representation in represent if representation.uses_recordings]
        if of_recordings and "read" in info.data and read is None:
            raise PydanticCustomError(NO_RECORDINGS, "a section `read` is needed")
        lists = [one.name for one in represent if isinstance(one, FeatureTable) and one.leave_out is not None]
        if lists and read is not None:
            raise ValueError(
                f"'{lists[0]}' has `leave_out`; with a section `read`, name it `read.leave_out`, which holds everywhere"
            )
        for representation in of_recordings if options else ():
            lacks = f"which not everyone has with {' and '.join(options)}; change these options, or use"
            if not representation.uses_strips:
                raise ValueError(f"'{representation.name}' uses median beats, {lacks} whole recordings (`input: strip`)")
            if representation.joins_leads:
                raise ValueError(f"'{representation.name}' uses all leads together, {lacks} `leads: each`")
        return represent

    @property
    def lists_of_withdrawn(self) -> tuple[Path, ...]:
        """Files of people to exclude everywhere: `read.leave_out`, and `leave_out` of the feature tables."""
        of_tables = [one.leave_out for one in self.represent if isinstance(one, FeatureTable)]
        lists = [None if self.read is None else self.read.leave_out, *of_tables]
        return tuple(dict.fromkeys(path for path in lists if path is not None))

    @property
    def folder(self) -> Path:
        """Folder of study.yaml."""
        return self._folder

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Every option with its value and the value's source, if the study was read from a file."""
        return self._settings

    @property
    def contradictions(self) -> list[str]:
        """The file's lines that depart from its preset, in words; none for `calibrated`."""
        return contradictions(self._settings, self.preset)

    @classmethod
    def read_file(cls, path: Path) -> Study:
        """Reads a study file. Raises StudyError listing every mistake, with 'did you mean' for unknown keys."""
        given, text = _yaml(path)
        preset = PRESETS.get(str(given.get("preset")), PRESETS["calibrated"])
        folder = path.resolve().parent
        filled = with_preset(preset, given)
        root = yaml.compose(text, Loader=_Loader)
        mistakes: list[Any] = [*booleans_for_numbers(cls, filled), *misread_numbers(root)]
        try:
            study = cls.model_validate(filled, context={"folder": folder})
        except ValidationError as error:
            mistakes += error.errors()
        if mistakes:
            raise study_error(mistakes, cls, path, root)
        study._folder = folder
        study._settings = tuple(settings(study, root, preset))
        return study

    def as_written(self, options: Any) -> Any:
        """Options as plain JSON values with paths below the study's folder made relative: the same on any machine."""
        plain = options.model_dump() if isinstance(options, BaseModel) else options
        return _plain(plain, f"{self._folder}/")


def _plain(value: Any, folder: str) -> Any:
    """JSON values of options; paths, and nothing else, lose a leading `folder`."""
    if isinstance(value, dict):
        return {key: _plain(inner, folder) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, folder) for inner in value]
    return str(value).removeprefix(folder) if isinstance(value, Path) else value


class _Loader(yaml.SafeLoader):
    """YAML's safe subset, except that a duplicate key is an error (YAML would silently use the last)."""


def _unique_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    # Keys are names: `no:` is not false, `5:` is not a number.
    keys = [key.value if isinstance(key, yaml.ScalarNode) else loader.construct_object(key) for key, _ in node.value]
    for number, (key_node, _) in enumerate(node.value):
        if keys[number] in keys[:number]:
            first = node.value[keys.index(keys[number])][0].start_mark.line + 1
            problem = f"key '{keys[number]}' is given twice (first in line {first})"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
    return {key: loader.construct_object(value, deep=True) for key, (_, value) in zip(keys, node.value, strict=True)}


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def _yaml(path: Path) -> tuple[dict[str, Any], str]:
    """Content and text of a study file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise StudyError("there is no such study file", where=path, fix="`ecgwas init FOLDER` writes one") from None
    except IsADirectoryError:
        raise StudyError("a folder was given, not a study file", where=path, fix=f"try {path}/study.yaml") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"the study file cannot be read: {error}", where=path, fix="save it as UTF-8 text") from None
    try:
        content = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}: "
        problem = f"{line}not valid YAML: {error.problem or error.context}"
        raise StudyError(problem, where=path, fix=fix_for(problem)) from None
    except yaml.reader.ReaderError as error:
        line = f"line {text[: error.position].count(chr(10)) + 1}: "
        problem = f"{line}not valid YAML: a character that no text has ({error.character!a})"
        raise StudyError(problem, where=path, fix="delete it") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        # Impossible dates, numbers of thousands of digits, lists as keys, endlessly nested lists.
        raise StudyError(
            f"not valid YAML: {error}", where=path, fix="put such a value in quotation marks, or correct it"
        ) from None
    if not isinstance(content, dict):
        raise StudyError("the file has no sections such as `read:`", where=path, fix="`ecgwas init FOLDER` writes a study file")
    return content, text
