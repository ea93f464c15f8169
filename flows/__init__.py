"""Prefect flows: thin schedules around the actions."""
