"""Causal units of a series at every cutoff, one file a kind."""
