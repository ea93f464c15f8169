"""Backtests, calibration, comparison and promotion."""
