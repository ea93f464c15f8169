"""Anomaly detectors, one file each."""
