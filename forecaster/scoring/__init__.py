"""Trained models at work: forecasts and anomaly events."""
