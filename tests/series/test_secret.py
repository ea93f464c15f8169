"""Secrets by name: environment first, then a file or a folder, never a value in a message."""

from pathlib import Path

import pytest

from forecaster.errors import ConfigError
from forecaster.series.secret import secret


def test_the_environment_is_asked_first_then_what_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A TOML file, or a folder with a file each."""
    (tmp_path / "secrets.toml").write_text('KEY = "from file"\n')
    (tmp_path / "KEY").write_text("from folder\n")
    monkeypatch.setenv("FORECASTER_SECRETS", str(tmp_path / "secrets.toml"))
    assert secret("KEY", "a test") == "from file"
    monkeypatch.setenv("FORECASTER_SECRETS", str(tmp_path))
    assert secret("KEY", "a test") == "from folder"
    monkeypatch.setenv("KEY", "from environment")
    assert secret("KEY", "a test") == "from environment"


def test_a_missing_secret_says_who_needs_it_and_where_it_was_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also where the file is none."""
    monkeypatch.delenv("FORECASTER_SECRETS", raising=False)
    with pytest.raises(ConfigError, match=r"source 'x' needs the secret 'NO_SUCH_KEY'.*FORECASTER_SECRETS"):
        secret("NO_SUCH_KEY", "source 'x'")
    monkeypatch.setenv("FORECASTER_SECRETS", str(tmp_path / "nothing.toml"))
    with pytest.raises(ConfigError, match=r"nothing\.toml' is no readable"):
        secret("NO_SUCH_KEY", "source 'x'")
