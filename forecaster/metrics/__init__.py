"""Accuracy and calibration, one pure function a file."""
