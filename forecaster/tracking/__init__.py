"""Where runs are logged, one file a kind."""
