"""Where trainings run: a launcher a file, found by its name (`--set launch=slurm`)."""
