"""study.yaml as frozen objects: every option once, with default, unit, bounds and meaning.

`Study.read(path)` checks the whole file and reports every mistake at once.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, Field, PrivateAttr, ValidationError, model_validator

from ecgwas.errors import StudyError
from ecgwas.study.base import Options, StudyPath, option
from ecgwas.study.genes import (
    Enrichment,
    EnsemblVep,
    GeneSource,
    Gprofiler,
    GwasCatalog,
    Haploreg,
    NetworkLimits,
    OpenTargets,
    Regions,
    Service,
    StringDb,
    StringFiles,
    TermLimits,
    VariantService,
)
from ecgwas.study.loci import LociOptions
from ecgwas.study.presets import PRESETS, below
from ecgwas.study.read import (
    BeatOptions,
    Fourier,
    HighPass,
    MovingAverage,
    QualityOptions,
    ReadOptions,
    Untouched,
    Wavelet,
)
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

__all__ = [
    "BeatOptions", "BeatPoints", "Enrichment", "EnsemblVep", "Fourier", "GeneSource", "Gprofiler", "GwasCatalog", "Haploreg",
    "HighPass", "Intervals", "Learned", "LociOptions", "Matrix", "MovingAverage", "NetworkLimits", "OpenTargets", "Options",
    "Pca", "Plink2", "QualityOptions", "ReadOptions", "Regions", "ReportOptions", "Representation", "RepresentationOptions",
    "ResidualAutoencoder", "Scan", "ScanOptions", "Service", "ShareOptions", "StringDb", "StringFiles", "Study", "TermLimits",
    "TraitOptions", "Untouched", "Vae", "VariantService", "Wavelet",
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

    @model_validator(mode="after")
    def _names_are_unique(self) -> Study:
        names = [representation.name for representation in self.represent]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two representations are named {', '.join(twice)}; give each its own name")
        return self

    @property
    def folder(self) -> Path:
        """The folder of study.yaml."""
        return self._folder

    @classmethod
    def read_file(cls, path: Path) -> Study:
        """The study in a YAML file. Raises StudyError listing every mistake, with 'did you mean' for unknown keys."""
        given = _yaml(path)
        preset = PRESETS.get(str(given.get("preset", "calibrated")), {})
        folder = path.resolve().parent
        try:
            study = cls.model_validate(below(preset, given), context={"folder": folder})
        except ValidationError as error:
            raise _explained(error, path) from None
        study._folder = folder
        return study

    def as_written(self, options: BaseModel) -> Any:
        """Options as plain JSON values with paths below the study's folder made relative: the same on any machine."""
        text = options.model_dump_json()
        return json.loads(text.replace(json.dumps(str(self._folder) + "/")[1:-1], ""))


class _Loader(yaml.SafeLoader):
    """YAML's safe subset; a key given twice is an error instead of silently the last."""


def _unique_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    for key, (key_node, _) in zip(keys, node.value, strict=True):
        if keys.count(key) > 1:
            raise yaml.MarkedYAMLError(problem=f"key '{key}' is given twice", problem_mark=key_node.start_mark)
    return dict(loader.construct_pairs(node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_Loader)
    except FileNotFoundError:
        raise StudyError("there is no such study file", where=path, fix="`ecgwas init FOLDER` writes one") from None
    except IsADirectoryError:
        raise StudyError("a folder was given, not a study file", where=path, fix=f"try {path}/study.yaml") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"the study file cannot be read: {error}", where=path, fix="save it as UTF-8 text") from None
    except yaml.YAMLError as error:
        raise StudyError(f"not valid YAML: {error}", where=path, fix="mend the line named above") from None
    except (ValueError, TypeError, RecursionError) as error:
        # Dates that are none, numbers of thousands of digits, lists as keys, lists in lists without end.
        raise StudyError(
            f"not valid YAML: {error}", where=path, fix="put such a value in quotation marks, or mend it"
        ) from None
    if not isinstance(content, dict):
        raise StudyError("a study file holds sections such as `read:`", where=path, fix="`ecgwas init FOLDER` writes one")
    return content


def _explained(error: ValidationError, path: Path) -> StudyError:
    mistakes = [_mistake(item) for item in error.errors()]
    problem = f"{len(mistakes)} mistake(s) in the study file:\n" + "\n".join(f"  {line}" for line in mistakes)
    return StudyError(problem, where=path, fix="correct the lines above; `ecgwas options` lists every key")


def _mistake(item: Any) -> str:
    place = ".".join(str(step) for step in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{place}: unknown key{_suggestion(item['loc'])}"
    if item["type"] == "missing":
        return f"{place}: is required"
    if item["type"].startswith("union_tag"):
        return f"{place}: {item['msg']}"
    return f"{place}: {item['msg']} (got {item['input']!r})"


def _suggestion(location: tuple[Any, ...]) -> str:
    near = difflib.get_close_matches(str(location[-1]), _keys_at(Study, location[:-1]), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _keys_at(annotation: Any, steps: tuple[Any, ...]) -> list[str]:
    """Names of the options that may stand at a place; list positions and kinds are followed."""
    models = _models(annotation)
    if steps and isinstance(steps[0], int):
        return _keys_at(annotation, steps[1:])
    tagged = [m for m in models if steps and "kind" in m.model_fields and m.model_fields["kind"].default == steps[0]]
    if tagged:
        return _keys_at(tagged[0], steps[1:])
    if not steps:
        return sorted({name for model in models for name in model.model_fields})
    inner = [m.model_fields[steps[0]].annotation for m in models if steps[0] in m.model_fields]
    return sorted({key for annotation in inner for key in _keys_at(annotation, steps[1:])})


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]
