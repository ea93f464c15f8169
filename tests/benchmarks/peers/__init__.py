"""Other libraries' forecasts beside ours: `make peers`, or `python -m tests.benchmarks.peers --help`."""
