"""Sources of series, one file each."""
