"""Forecasts and anomalies for sensor, financial and weather series: one causal pass, every cutoff."""
