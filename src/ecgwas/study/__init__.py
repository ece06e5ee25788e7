"""study.yaml as frozen objects: every option once, with default, unit, bounds and meaning.

`Study.read(path)` checks the whole file and reports every mistake at once.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, PrivateAttr, ValidationError, ValidationInfo, field_validator

from ecgwas.errors import StudyError
from ecgwas.study.base import Options, StudyPath, option
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
from ecgwas.study.mistakes import explained, true_for_numbers
from ecgwas.study.origins import Setting, contradictions, settings
from ecgwas.study.presets import PRESETS, below
from ecgwas.study.read import BeatOptions, Fourier, HighPass, MovingAverage, QualityOptions, ReadOptions, Untouched, Wavelet
from ecgwas.study.report import ReportOptions
from ecgwas.study.represent import (
    BeatPoints,
    Intervals,
    Learned,
    Pca,
    Representation,
    RepresentationOptions,
    ResidualAutoencoder,
    Vae,
)
from ecgwas.study.scan import Matrix, Plink2, Scan, ScanOptions
from ecgwas.study.share import ShareOptions
from ecgwas.study.traits import TraitOptions
from ecgwas.study.yaml_words import changed_numbers, cure

__all__ = [
    "BeatOptions", "BeatPoints", "Enrichment", "EnsemblVep", "Fourier", "GeneSource", "Gprofiler", "GwasCatalog", "Haploreg",
    "HeartWords", "HighPass", "Intervals", "Learned", "LociOptions", "Matrix", "MovingAverage", "NetworkLimits", "Ontologies",
    "OpenTargets", "Options", "Pca", "Plink2", "QualityOptions", "ReadOptions", "Regions", "ReportOptions", "Representation",
    "RepresentationOptions", "ResidualAutoencoder", "Scan", "ScanOptions", "Service", "Setting", "ShareOptions", "StringDb",
    "StringFiles", "Study", "TermLimits", "TermService", "TraitOptions", "Untouched", "Vae", "VariantService", "Wavelet",
]  # fmt: skip


class Study(Options):
    """One study: its inputs, its methods, its results folder."""

    name: str = option(min_length=1)
    """Appears in the report."""
    seed: int = option(1, ge=0, lt=2**32)
    """Every random choice follows from it."""
    results: StudyPath = Path("results")
    """Folder of the results."""
    preset: Literal["calibrated", "published"] = "calibrated"
    """What holds where this file says nothing: the calibrated chain, or the chain exactly as the source study ran it."""
    offline: bool = False
    """Online sources take their answers from results/cache alone; no socket is opened."""
    read: ReadOptions
    """Recordings in, cleaned signals out."""
    represent: tuple[RepresentationOptions, ...] = Field(min_length=1)
    """Representations, each with a kind and a name."""
    traits: TraitOptions
    """People, covariates, transformation."""
    scan: ScanOptions
    """Genotypes and engine."""
    loci: LociOptions = LociOptions()
    """What is significant."""
    genes: tuple[GeneSource, ...] = ()
    """Sources of genes, networks and terms."""
    report: ReportOptions = ReportOptions()
    """The page."""
    share: ShareOptions = ShareOptions()
    """What may be passed on."""
    _folder: Path = PrivateAttr(default=Path())
    _settings: tuple[Setting, ...] = PrivateAttr(default=())

    @field_validator("results")
    @classmethod
    def _results_have_a_folder(cls, results: Path, info: ValidationInfo) -> Path:
        """Results beside study.yaml would be mixed with the inputs."""
        folder = (info.context or {}).get("folder")
        if folder is not None and folder.is_relative_to(os.path.normpath(results)):
            raise ValueError("results need a folder of their own, not one that holds study.yaml, such as `results`")
        return results

    @field_validator("read", "scan")
    @classmethod
    def _results_are_apart(cls, section: ReadOptions | Scan, info: ValidationInfo) -> ReadOptions | Scan:
        """Results among recordings or genotypes would be taken for inputs."""
        results, folder = info.data.get("results"), (info.context or {}).get("folder")
        inputs = section.recordings if isinstance(section, ReadOptions) else section.genotypes.parent
        place = Path(os.path.normpath(results)) if results is not None and folder is not None else None
        inside = place is not None and place.is_relative_to(os.path.normpath(inputs)) and inputs != folder
        if inside and (isinstance(section, ReadOptions) or place == Path(os.path.normpath(inputs))):
            raise ValueError(f"`results` lies among these inputs, in {inputs.name}; give it a folder of its own")
        return section

    @field_validator("represent")
    @classmethod
    def _names_are_unique(cls, represent: tuple[Representation, ...]) -> tuple[Representation, ...]:
        # Each is a folder; on some disks capitals make no difference.
        names = [representation.name.lower() for representation in represent]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two representations are named {', '.join(twice)}; give each its own name")
        return represent

    @field_validator("represent")
    @classmethod
    def _have_what_they_need(cls, represent: tuple[Representation, ...], info: ValidationInfo) -> tuple[Representation, ...]:
        """Beats of every person for those who represent beats, leads of one visit for those who put them together."""
        read = info.data.get("read")
        off = [] if read is None else read.without_common_beats
        for one in represent if off else ():
            if not one.uses_strips:
                raise ValueError(f"'{one.name}' represents median beats, which not everybody has with {' and '.join(off)}; "
                                 "set these otherwise, or take whole recordings (`input: strip`)")  # fmt: skip
            if one.joins_leads:
                raise ValueError(f"'{one.name}' puts leads together, which not everybody has with {' and '.join(off)}; "
                                 "set these otherwise, or take `leads: each`")  # fmt: skip
        return represent

    @property
    def folder(self) -> Path:
        """The folder of study.yaml."""
        return self._folder

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Every option of a study that was read from a file, with its value and where it comes from."""
        return self._settings

    @property
    def contradictions(self) -> list[str]:
        """Lines of the file by which the chain is no longer that of its preset, in words; none for `calibrated`."""
        return contradictions(self._settings, self.preset)

    @classmethod
    def read_file(cls, path: Path) -> Study:
        """The study in a YAML file. Raises StudyError listing every mistake, with 'did you mean' for unknown keys."""
        given, text = _yaml(path)
        preset = PRESETS.get(str(given.get("preset")), PRESETS["calibrated"])
        folder = path.resolve().parent
        filled = below(preset, given)
        root = yaml.compose(text, Loader=_Loader)
        mistakes: list[Any] = [*true_for_numbers(cls, filled), *changed_numbers(root)]
        try:
            study = cls.model_validate(filled, context={"folder": folder})
        except ValidationError as error:
            mistakes += error.errors()
        if mistakes:
            raise explained(mistakes, cls, path, root)
        study._folder = folder
        study._settings = tuple(settings(study, root, preset))
        return study

    def as_written(self, options: Any) -> Any:
        """Options as plain JSON values with paths below the study's folder made relative: the same on any machine."""
        plain = options.model_dump() if isinstance(options, BaseModel) else options
        return _plain(plain, f"{self._folder}/")


def _plain(value: Any, folder: str) -> Any:
    """JSON values of options; of paths, and of nothing else, the folder at their beginning is taken away."""
    if isinstance(value, dict):
        return {key: _plain(inner, folder) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, folder) for inner in value]
    return str(value).removeprefix(folder) if isinstance(value, Path) else value


class _Loader(yaml.SafeLoader):
    """YAML's safe subset; a key given twice is an error instead of silently the last."""


def _unique_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    # `no:` and `5:` are names here, not false and a number.
    keys = [key.value if isinstance(key, yaml.ScalarNode) else loader.construct_object(key) for key, _ in node.value]
    for number, (key_node, _) in enumerate(node.value):
        if keys[number] in keys[:number]:
            first = node.value[keys.index(keys[number])][0].start_mark.line + 1
            problem = f"key '{keys[number]}' is given twice (first in line {first})"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
    return {key: loader.construct_object(value, deep=True) for key, (_, value) in zip(keys, node.value, strict=True)}


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def _yaml(path: Path) -> tuple[dict[str, Any], str]:
    """The content of a study file, and its text."""
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
        raise StudyError(problem, where=path, fix=cure(problem)) from None
    except yaml.reader.ReaderError as error:
        line = f"line {text[: error.position].count(chr(10)) + 1}: "
        problem = f"{line}not valid YAML: a character that no text has ({error.character!a})"
        raise StudyError(problem, where=path, fix="take it away") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        # Dates that are none, numbers of thousands of digits, lists as keys, lists in lists without end.
        raise StudyError(
            f"not valid YAML: {error}", where=path, fix="put such a value in quotation marks, or mend it"
        ) from None
    if not isinstance(content, dict):
        raise StudyError("a study file holds sections such as `read:`", where=path, fix="`ecgwas init FOLDER` writes one")
    return content, text
