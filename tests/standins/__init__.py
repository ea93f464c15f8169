"""Sources on this machine: what the connectors are tested against."""
