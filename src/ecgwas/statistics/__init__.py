"""Statistics that several rooms need: least squares, t tests, projection, singular vectors, combined p-values."""
