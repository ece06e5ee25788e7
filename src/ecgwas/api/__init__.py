"""The Python interface: results of a study as tables and plots, and the methods as functions of arrays.

    results       `open`: the results folder of a study
    agreement     whether results agree with each other, with this version of ecgwas and with the study file
    plots         matplotlib plots of results
    by_genotype   the mean beats behind the plot of the ECG by genotype
    recordings    one recording: read and delineated
    association   traits tested against variants; thresholds; loci

`import ecgwas` offers the public names of these modules.
"""
