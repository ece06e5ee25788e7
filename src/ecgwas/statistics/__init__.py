"""Statistics that several rooms share: least squares, t tests, projection, singular vectors, combined p-values."""
