"""Texts that a run writes: methods, references, the STREGA checklist."""
