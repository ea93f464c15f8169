"""Projects that need no server, over files of meters in the folder that stands for DATA."""

__all__ = ["METERS", "SERVERLESS", "TOLD_METERS"]

SERVERLESS = """
registry = "folder_registry"
registry_uri = ".forecaster/models"
tracking = "jsonl_tracking"
tracking_uri = ".forecaster/runs"
"""

METERS = (
    SERVERLESS
    + """
[pipelines.meters]
source = "files"
options = { path = "DATA/*.csv" }
horizon = 6"""
)

TOLD_METERS = (
    METERS
    + """
model = "seasonal_naive"
detector = "ewma"
alerts = ["jsonl"]
rules = RULES

[alerts.jsonl]
path = "alerts.jsonl"
"""
)
"""People are told of their events, by the rules that stand for RULES."""
