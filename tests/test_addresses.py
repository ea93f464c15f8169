"""A password of a database is in no message and no log."""

from pathlib import Path

import pytest

from forecaster.actions._services import services
from forecaster.addresses import masked, shown
from forecaster.app import App
from forecaster.errors import ConfigError
from forecaster.progress import SILENT
from forecaster.store.ledger import Ledger

NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("postgresql://ann:secret@host:5432/db", "postgresql://ann:***@host:5432/db"),
        ("postgresql+psycopg://ann:s@cr/e:t@host/db", "postgresql+psycopg://ann:***@host/db"),
        ("postgresql://host/db?user=ann&password=secret&x=1", "postgresql://host/db?user=ann&password=***&x=1"),
        ("https://:secret@host", "https://:***@host"),
        ("postgresql://ann@host:5432/db", "postgresql://ann@host:5432/db"),
        ("sqlite:////a/b:c.db", "sqlite:////a/b:c.db"),
        (".forecaster/models", ".forecaster/models"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, expected: str) -> None:
    """And otherwise as it is."""
    assert shown(address) == expected


def test_a_password_is_masked_in_what_others_say() -> None:
    """As it is written, as it is meant, and where it is taken for the host."""
    assert masked("no\n such: 'p%40ss' or p@ss", "postgresql://ann:p%40ss@host/db") == "no such: '***' or ***"
    assert "word" not in masked("cannot resolve 'word@host'", "postgresql://ann:pass@word@host/db")


@pytest.mark.parametrize("password", ["secret", "s%40cret", "s@cret", "s/cret", "s:cret", "s@cr:et", "s%cret?"])
def test_a_ledger_that_cannot_be_opened_keeps_its_password(password: str) -> None:
    """In one line, whatever the password is."""
    with pytest.raises(ConfigError, match=r"ann:\*\*\*@") as raised:
        Ledger.open(f"postgresql+psycopg://ann:{password}@{NOBODY}/db?connect_timeout=2")
    assert "cr" not in str(raised.value).replace("password", "")
    assert "\n" not in str(raised.value)


def test_settings_show_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a trace nor among the programs of the machine."""
    monkeypatch.setenv("PASSWORD", "s3cret")
    address = "postgresql+psycopg://ann:${PASSWORD}@127.0.0.1:1/db"
    path = tmp_path / "forecaster.toml"
    path.write_text(f'ledger = "{address}"\ntracking_uri = "{address}"\nregistry_uri = "{address}"\n')
    app = App.open(path)
    assert "s3cret" in app.settings.ledger
    assert "s3cret" not in repr(app)
    assert "s3cret" not in app.tracker.show()
    assert not [one.name for one in services(app, SILENT) if "s3cret" in " ".join([*one.command, one.address])]
    path.write_text('ledger = "ann/s3cret@host"\n')
    with pytest.raises(ConfigError, match="it has no '://'") as raised:
        App.open(path)
    assert "s3cret" not in str(raised.value)
