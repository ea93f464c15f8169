"""From scores to p-values and alarms, one file a kind."""
