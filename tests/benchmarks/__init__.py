"""The numbers in docs/experiments.md: `python -m tests.benchmarks` prints them, `make bench` runs that."""
