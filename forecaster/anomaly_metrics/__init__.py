"""How well anomalies were found, one definition a file."""
