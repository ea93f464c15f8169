"""A project that needs no server: files of meters in the folder that stands for DATA."""

__all__ = ["METERS"]

METERS = """
registry = "folder_registry"
registry_uri = ".forecaster/models"
tracking = "jsonl_tracking"
tracking_uri = ".forecaster/runs"

[pipelines.meters]
source = "files"
options = { path = "DATA/*.csv" }
horizon = 6"""
