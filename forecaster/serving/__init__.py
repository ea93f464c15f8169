"""The doors: command line and REST."""
