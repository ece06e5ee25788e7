"""Who is tested: kinship, components, covariates, guards and their verdicts."""
