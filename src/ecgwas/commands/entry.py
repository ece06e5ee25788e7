"""The entry point of the command `ecgwas`: lists the commands without loading what they need, which takes seconds."""

from __future__ import annotations

import sys

import click

import ecgwas

ABOUT = "Find the genetic variants that shape the electrocardiogram: ECG files and genotypes in, report out."

SUMMARIES = {
    "audit": "Search FOLDER (results/share) for eids, recordings and small groups, and measure what a genome would reveal from "
             "it.",
    "check": "Open every input and list all mistakes, without computing anything.",
    "check-engine": "Run other association programs on a study's own traits and genotypes and compare results and CPU time "
                    "with the scan's.",
    "compare": "Compare what each representation of a study found (also written to results/compare.csv), or compare several "
               "studies.",
    "completion": "Print a script that lets SHELL complete commands and options; see docs/commands.md for where it goes.",
    "covariates": "Make the table of covariates from a biobank's exports.",
    "demo": "Simulate a small cohort with planted effects, run every stage, and compare what was found with what was planted.",
    "explain": "Show how a result FILE was made (stage, options, versions, seed, host, time) and whether it is still fresh.",
    "export": "Write results as FORMAT into FOLDER; regenie, saige, bolt, plink2-pheno: traits and covariates for these "
              "programs.",
    "figures": "Write the report's figures for print into results/figures/.",
    "genes": "Stage: find genes, networks and terms.",
    "init": "Write a commented FOLDER/study.yaml that names the inputs found in FOLDER.",
    "inspect": "Show what a recording's FILE holds: format, leads, rate, length, and the device's measurements next to ours.",
    "loci": "Stage: decide what is significant, join it into loci.",
    "look": "Look at a VARIANT (rs number, id, chrom:pos[:allele:allele]) after a run: ECG by genotype, all traits, its "
            "region.",
    "meta": "Meta-analyse the associations of several STUDIES and write them to OUT.csv.",
    "null": "Run the same chain on permuted people; the report then compares every count with the count expected by chance.",
    "options": "Print every option of study.yaml with its default, unit and meaning.",
    "outcomes": "Stage: test traits with diseases and measurements.",
    "plan": "Estimate jobs, CPU time, memory and disk space of every stage; also written to results/plan.json.",
    "predict": "Stage: tell diseases and genotypes by the ECG.",
    "read": "Stage: read and clean the recordings, find beats.",
    "references": "Public reference files that stage `genes` reads: genes, network, terms, published associations.",
    "report": "Stage: put everything on one page.",
    "represent": "Stage: learn or measure features.",
    "run": "Run every stage in order, skipping parts whose results are fresh.",
    "scan": "Stage: test every variant against every trait.",
    "score": "Score the people of GENOTYPES (as scan.genotypes of a study) by a scoring FILE of the PGS Catalog.",
    "scores": "Stage: polygenic scores of the participants, and what they predict.",
    "serve": "Browse the whole results of one or several studies on this machine: any variant, trait and region.",
    "share": "Stage: collect what may be passed on.",
    "simulate": "Write a simulated cohort with planted effects: ECG files, genotypes, covariates, and the true effects.",
    "traits": "Stage: join people, covariates and features.",
}  # fmt: skip
"""Command -> first sentence of its help. tests/commands/test_entry.py compares the list with that of the commands."""


def overview() -> click.Group:
    """The group of commands as `ecgwas --help` lists it; its commands do nothing."""
    commands = [click.Command(name, help=text) for name, text in SUMMARIES.items()]
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
    group = click.Group("main", commands=commands, help=ABOUT, context_settings=settings)
    click.version_option(ecgwas.__version__)(group)
    group.params.append(click.Option(["--verbose"], is_flag=True, help="Show more detail."))
    return group


def main() -> None:
    """Runs the command line. A command is loaded only if one is given."""
    if not sys.argv[1:] or sys.argv[1:] in (["-h"], ["--help"], ["--version"]):
        overview()()
        return
    from ecgwas.commands import cli

    cli.main()
