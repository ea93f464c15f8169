"""`python -m forecaster` is the command `forecaster`."""

from forecaster.serving.cli import main

main()
