"""Where a training job runs, one file a kind."""
