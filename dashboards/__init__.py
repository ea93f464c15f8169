"""The dashboard: pages that show what the REST API serves."""
