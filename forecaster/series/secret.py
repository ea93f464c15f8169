"""Secrets by name: settings, logs and the ledger hold the name only, the value is looked up when it is used.

A name is read from the environment, else from what `FORECASTER_SECRETS` points at: a TOML file of `NAME = "value"`
lines, or a folder with one file a secret, as Docker and Kubernetes mount them.
"""

import os
import tomllib
from pathlib import Path

from forecaster.errors import ConfigError

__all__ = ["FROM", "secret"]

FROM = "FORECASTER_SECRETS"


def secret(name: str, purpose: str) -> str:
    """The value of a secret.

    Raises: ConfigError that names the secret, what needs it and where it was looked for
    """
    found = os.environ.get(name) or _kept(name)
    if not found:
        where = f"{os.environ[FROM]} ({FROM})" if FROM in os.environ else f"a file that {FROM} names (not set)"
        raise ConfigError(f"{purpose} needs the secret '{name}': not in the environment, nor in {where}. Set one.")
    return found


def _kept(name: str) -> str | None:
    place = os.environ.get(FROM)
    if not place:
        return None
    path = Path(place)
    try:
        if path.is_dir():
            return (path / name).read_text().strip() if (path / name).is_file() else None
        return _text(tomllib.loads(path.read_text()).get(name))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{FROM}: '{place}' is no readable TOML file or folder: {error}.") from error


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
