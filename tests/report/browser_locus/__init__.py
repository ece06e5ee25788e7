"""The pages of loci and traits in Chromium."""
