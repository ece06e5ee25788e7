"""Statistics that several rooms need: least squares and t tests, transformations, combined p-values."""
