"""Rates and distances of generated molecules, for any file; no torch."""
