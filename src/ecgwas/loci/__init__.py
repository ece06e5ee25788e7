"""What becomes of a scan: thresholds, loci, signals, credible sets, audit, known loci, inflation, power."""
