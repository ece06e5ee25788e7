"""Genotypes in files and in the form that the scan uses: filesets, hard calls, dosages, variant QC."""
