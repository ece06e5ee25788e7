"""The command `figures`: the report's figures for print, in results/figures/."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from ecgwas import report
from ecgwas.errors import InputError, first_few
from ecgwas.progress import track
from ecgwas.report.figures import publication
from ecgwas.stages import trait_names
from ecgwas.stages.report import gather
from ecgwas.store import atomic_write
from ecgwas.study import Study
from ecgwas.tables import files


def write(study: Study, *, names: Sequence[str], traits: Sequence[str], formats: Sequence[str]) -> list[Path]:
    """Writes the figures that match one of `names` (patterns such as locus_*; empty: all) in every format; returns the files.

    traits: traits whose Manhattan and QQ plots are written in addition. Raises StudyError for an unknown trait,
    InputError if no figure matches.
    """
    contents = gather(study)
    tested = contents.scan.trait_names
    trait_names.refuse_unknown(traits, tested, where=study.folder)
    pictures = report.all_figures(study.report, contents, traits=traits)
    chosen = {name: picture for name, picture in pictures.items() if not names or any(fnmatchcase(name, p) for p in names)}
    if not chosen:
        fix = f"figures of this study: {first_few(sorted(pictures), 30)}"
        raise InputError(f"no figure is named {first_few(names)}", where=study.folder, fix=fix)
    printed = files.PRINT_FIGURE
    outputs = [(name, picture, kind) for name, picture in chosen.items() for kind in formats]
    pairs = [(picture, printed.path(study.results, figure=name, ending=kind)) for name, picture, kind in outputs]
    for picture, path in track(pairs, "figures", len(pairs)):
        with atomic_write(path) as temporary:
            # Matplotlib chooses the format by the suffix, so the temporary file needs the same one.
            with_suffix = temporary.with_suffix(path.suffix)
            publication.save(picture, with_suffix)
            with_suffix.replace(temporary)
    return [path for _, path in pairs]
