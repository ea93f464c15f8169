"""Where trained models are kept, one file a kind."""
