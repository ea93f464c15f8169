"""From a network's numbers to a distribution and its loss, one file a kind."""
