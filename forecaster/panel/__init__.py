"""Packed series, their cutoffs, and the batch that networks read."""
