"""A variant tested again with genotypes and recordings, as `ecgwas look` does; only with `--private`."""

from __future__ import annotations

import threading

import numpy as np

from ecgwas.errors import InputError
from ecgwas.genotypes import variant_lookup
from ecgwas.report.figures import genotype, phewas, region
from ecgwas.serve import blocks as b
from ecgwas.serve.study import Served
from ecgwas.serve.views import View
from ecgwas.stages import freshness, variant_view
from ecgwas.stages.variant_view import StudyTables

NEEDED = ("read", "represent", "traits", "scan", "loci")


class Looks:
    """Reads a study's tables of participants when they are first needed; one look is computed at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: dict[int, tuple[Served, StudyTables]] = {}

    def view(self, served: Served, name: str) -> View:
        """ECG by genotype, all traits, and the region of the strongest trait. Means of fewer than `genotype.FEWEST`
        participants are not drawn, as in the report.

        Raises InputError without a study file or for a variant that the genotypes lack; MissingStageError if results are stale.
        """
        with self._lock:
            return self._view(served, name)

    def _view(self, served: Served, name: str) -> View:
        study = served.study
        if study is None:
            raise InputError("the study file is not known", where=served.folder, fix="serve the study file, not its results")
        freshness.refuse_stale(study, freshness.parts_of(study, NEEDED))
        tables = self._tables_of(served)
        variant = variant_lookup.find(study.scan, name, [name.partition(":")[0]])
        excluded = variant_view.why_excluded(study, variant)
        tests = variant_view.tests_of(study, tables, variant)
        beats = variant_view.beats_of(study, tables, variant, 0)
        limit, unit = served.threshold[0], served.sd_unit or "units of the feature"
        shown = (
            [] if excluded is None else [b.text(f"The study's scan excludes it: {excluded}. It was tested here all the same.")]
        )
        if beats is None:
            shown.append(
                b.text(
                    f"No ECG by genotype: no two genotypes have {genotype.FEWEST} participants with a median beat.", note=True
                )
            )
        else:
            groups = [k for k in range(3) if np.asarray(beats.people)[k] >= genotype.FEWEST]
            counts = ", ".join(f"{genotype.copies(beats, k)} {beats.people[k]:,}" for k in groups)
            shown += [b.text(f"Participants: {counts}."),
                      b.figure(f"beats-{served.key}", genotype.ecg_by_genotype(beats, limit)),
                      b.figure(f"difference-{served.key}", genotype.difference(beats), "")]  # fmt: skip
        every = phewas.phewas(variant.variant, variant.effect_allele, tests.tests, limit, sd_unit=unit)
        shown.append(b.figure(f"every-{served.key}", every, "No trait could be tested."))
        if tests.strongest is not None:
            here = variant_view.region_of(study, tables, variant, tests.strongest, tests.tests, 0)
            shown.append(
                b.figure(f"around-{served.key}", region.region(here, limit, sd_unit=unit), "Nothing was tested around it.")
            )
        return View(variant.variant, shown, [])

    def _tables_of(self, served: Served) -> StudyTables:
        known = self._tables.get(id(served))
        if known is None or known[0] is not served:
            assert served.study is not None
            known = (served, StudyTables.of(served.study))
            self._tables = {id(served): known}
        return known[1]
