"""Statistics that several packages share: least squares, t tests, projection, singular vectors, combined p-values."""
