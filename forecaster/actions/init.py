"""Write a first project file, forecaster.toml."""

from pathlib import Path
from typing import Annotated

from forecaster.actions.base import Outcome
from forecaster.errors import ConfigError
from forecaster.series.outputs import together

__all__ = ["init"]

_NEXT = ("ingest", "train", "promote", "score", "up")


def init(
    folder: Annotated[Path, "Folder of the project."] = Path("."),
    *,
    force: Annotated[bool, "Overwrite an existing project file."] = False,
) -> Outcome:
    """Write a first project file, forecaster.toml.

    It has three pipelines on example data that come with installed packages, so they need no network.
    """
    path = folder / "forecaster.toml"
    if path.exists() and not force:
        raise ConfigError(f"'{path}' exists. Write over it with --force.")
    with together(path) as (part,):
        part.write_text(_TEMPLATE)
    return Outcome([f"wrote {path}", f"next: {', '.join(f'forecaster {verb}' for verb in _NEXT)}"])


_TEMPLATE = """\
# A forecaster project. Relative paths start at this file's folder.
name = "forecaster"

lake = ".forecaster/lake"                           # observations, forecasts, scores: a folder, or s3://bucket/prefix
ledger = "sqlite:///.forecaster/ledger.db"          # series, runs, events: sqlite:/// or postgresql+psycopg://
tracking_uri = "sqlite:///.forecaster/mlflow.db"    # training runs, in MLflow
registry_uri = "sqlite:///.forecaster/mlflow.db"    # versions of models, in MLflow
artefacts = ".forecaster/artefacts"                 # folder for models and figures
# keep_revisions = "400D"                           # how long to keep replaced values; without it, for ever

[ports]                                             # used by `forecaster up`, on 127.0.0.1
prefect = 4200
mlflow = 5000
rest = 8000
dashboard = 8050

# A pipeline: a source, when to read it, how many steps to forecast, and with which model and detector.
[pipelines.water]
source = "builtin"                                  # a file in connectors/
options = { series = ["water_flow"] }               # settings of the connector
horizon = 24                                        # number of steps to forecast
schedule = "every 6h"                               # when to read and score; or a cron line, in UTC
train_schedule = "every 7D"                         # when to train, and to promote a better model
monitor_schedule = "every 1D"                       # when to judge past forecasts, and to count alarms
# retrain = true                                    # and to train at once if forecasts have become worse
model = "auto"                                      # several models, weighted by their errors; or a file in models/
detector = "auto"                                   # or a file in detectors/
false_alarms = "1/series-week"                      # rate of false alarms to accept on normal data
alerts = ["jsonl"]                                  # files in alerts/
# contract = { range = [0, 500], stale = "2D" }     # conditions for new rows: docs/sources.md
# rules = { direction = "up", cool_down = 12 }      # which alarms become events: scoring/rules.py

[pipelines.rates]
source = "builtin"
options = { series = ["ecb_rates"], currencies = ["USD", "GBP", "JPY", "CHF"], since = "2015-01-01" }
horizon = 10
schedule = "0 17 * * 1-5"
train_schedule = "every 7D"
model = "gru"
false_alarms = "1/series-year"

[pipelines.weather]
source = "builtin"
options = { series = ["seattle_weather"] }
horizon = 14
schedule = "every 1D"
train_schedule = "every 30D"
model = "auto"
false_alarms = "1/series-year"

# Examples for your own data; docs/sources.md lists all sources, docs/covariates.md says how forecasts read other series.
# [pipelines.berlin]
# source = "open_meteo"
# options = { locations = { berlin = [52.52, 13.41] }, variables = ["temperature_2m"], start = "730D" }
# horizon = 48
#
# [pipelines.machines]
# source = "sql"
# options = { url = "postgresql+psycopg://reader:${PASSWORD}@host/plant", table = "readings", id_columns = ["machine"] }
# horizon = 24
#
# [pipelines.meters]
# source = "files"
# options = { path = "data/*.csv", id_column = "meter", time_column = "time", value_columns = ["kwh"] }
# horizon = 48

[alerts.jsonl]
path = ".forecaster/alerts.jsonl"
"""
