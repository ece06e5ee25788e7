"""Writes docs/study.md from the options' own declarations: `python docs/make_study.py`."""

from __future__ import annotations

from pathlib import Path

from ecgwas.commands.terminal import options_text

HEAD = """\
# The study file

One YAML file says all that is scientific about a study; `ecgwas init FOLDER` writes a first one, `ecgwas check STUDY.yaml`
opens everything that it names; each mistake is one line with the line of its key. Paths are relative to the file, `~` is your
home. What it does not say has the default below, or that of its `preset`: `calibrated`, or `published`, the chain as the source
study ran it. `ecgwas options --json` gives a schema for editors.

    name: my_study
    read: {recordings: ecg}
    represent:
      - {kind: intervals, name: clinical}
      - {kind: pca, name: pca, features: 32}
    traits: {covariates: covariates.tsv}
    scan: {kind: matrix, genotypes: genotypes/chr{chrom}}
    genes:
      - {kind: regions, file: glist-hg19}

## The preset

A preset gives the values that the file does not. A section of the file is merged with the preset's; a section of another
`kind` replaces it. A list replaces the preset's list; with `preset: published` each entry has the values of the preset's entry
of its name, or else of its kind, so that

    preset: published
    represent:
      - {kind: residual_autoencoder, epochs: 2}

changes the epochs of the study's network and nothing else. `ecgwas init` writes inputs alone, and the preset's values as
comments: changing the one line `preset:` changes the chain. `ecgwas options --study STUDY.yaml` prints every option that will
run, its value and its source (`line 7`, `preset`, `default`). With `preset: published`, `ecgwas check` warns of each line whose
value is not the study's, and of entries of lists that are missing or added: `line 9: scan.min_maf is 0.01; preset `published`
has 0`. Files may stand for its services: `regions` for HaploReg and g:SNPense, `string_files` and `enrichment` together for
STRING; they have the same limits (`inflation`, `min_score`, `max_fdr`, `min_strength`), and only another limit is told.

## Every option

Written by `python docs/make_study.py`, as `ecgwas options` prints it.

"""


def study_page() -> str:
    """Markdown: how a study file looks, and every option."""
    lines = [f"    {line}".rstrip() for line in options_text().splitlines()]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "study.md").write_text(study_page())
