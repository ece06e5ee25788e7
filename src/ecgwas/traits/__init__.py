"""Who is tested on what: recordings, covariates and genotypes joined, sample QC, ancestry, traits."""
