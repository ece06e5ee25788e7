"""Writes docs/study.md from the options' own declarations: `python docs/make_study.py`."""

from __future__ import annotations

from pathlib import Path

from ecgwas.commands.terminal import options_text

HEAD = """\
# The study file

One YAML file holds every scientific choice of a study. `ecgwas init FOLDER` writes a first one; `ecgwas check STUDY.yaml` opens
everything that it names and reports each mistake in one line, with the number of the line in the file. Paths are relative to
the file; `~` is your home folder. Options that the file does not set have the default below, or the value of its `preset`:
`calibrated`, or `published`, the chain as the source study ran it. `ecgwas options --json` prints a schema for editors.

    name: my_study
    read: {recordings: ecg}
    represent:
      - {kind: intervals, name: clinical}
      - {kind: pca, name: pca, features: 32}
    traits: {covariates: covariates.tsv}
    scan: {kind: matrix, genotypes: genotypes/chr{chrom}}
    genes:
      - {kind: regions, file: glist-hg19}

Features may also come from a table (`kind: table`): [your own phenotypes](your_phenotypes.md). If all do, the section
`read` is omitted.

## The preset

A preset sets the options that the file does not. A section of the file is merged with the preset's section; a section of
another `kind` replaces it. A list replaces the preset's list; with `preset: published`, each entry takes its other values from
the preset's entry with the same name, or else the same kind, so that

    preset: published
    represent:
      - {kind: residual_autoencoder, epochs: 2}

changes the epochs of the source study's network and nothing else. `ecgwas init` writes only the inputs, and the preset's values
as comments, so changing the one line `preset:` changes the chain. `ecgwas options --study STUDY.yaml` prints every option of a
run with its value and its source (`line 7`, `preset`, `default`). With `preset: published`, `ecgwas check` warns of each line
whose value differs from the source study's, and of list entries that are missing or added: ``line 9: scan.min_maf is 0.01;
preset `published` has 0``. Files can replace the preset's services: `regions` replaces HaploReg and g:SNPense; `string_files`
and `enrichment` together replace STRING. They have the same limits (`inflation`, `min_score`, `max_fdr`, `min_strength`), and
`ecgwas check` warns only if a limit differs.

## Every option

Written by `python docs/make_study.py`; `ecgwas options` prints the same.

"""


def study_page() -> str:
    """Markdown: how a study file looks, and every option."""
    lines = [f"    {line}".rstrip() for line in options_text().splitlines()]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "study.md").write_text(study_page())
