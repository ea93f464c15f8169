"""Scaling of a series at every cutoff, from its past only; one file a kind."""
