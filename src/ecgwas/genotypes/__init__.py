"""Genotypes as they lie in files and as the scan takes them: filesets, hard calls, dosages, variant QC."""
