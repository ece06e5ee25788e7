"""What follows a scan: thresholds, loci, signals, credible sets, audit, known loci, inflation, power.

    thresholds, power         what is significant, and which effects the study could find
    merge, clumps             hits into loci
    known                     the table of published loci
    individual_data           genotypes of a region and the participants tested
    models                    regressions of one trait, by least squares or the mixed model
    fine_mapping              each locus and hit on individual data, by
        conditional           further signals of a locus
        credible_sets         which variants may be causal
        audit                 whether a hit can be trusted
        competing_tests, winners_curse   effects corrected for their selection
    neighbourhoods            regional associations; lead variants against every trait
    signal_neighbourhoods     regional associations of each of several signals
    positive_controls, positive_controls_null   published associations tested here, and on permuted participants
    inflation, inflation_by_maf, heritability   calibration of p-values, and variance explained
    guards                    verdicts on variants, scan, hits and loci
    held_out                  loci found without some participants

Functions take tables and arrays and return them; stages/loci.py and stages/loci_genotypes.py read and write the files.
"""
