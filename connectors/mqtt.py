"""Messages of an MQTT broker. The broker delivers each one at least once; it is stored exactly once.

The broker keeps a session under our `client_id`, and sends again what we did not acknowledge. We acknowledge a message
after its rows are stored. Rows that come twice have the same series and time, so the second one adds nothing.
"""

import importlib.util
import logging
import re
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

import pyarrow as pa

from connectors._payload import Layout, Reading
from connectors._session import Address, Message, Session
from forecaster.errors import ConfigError, MissingPackage, SourceError
from forecaster.series.delivered import table
from forecaster.series.frequency import parse_duration
from forecaster.series.instants import UNITS, zone
from forecaster.series.pushing import Delivery, Pushing
from forecaster.series.secret import secret
from forecaster.series.source import SeriesInfo

__all__ = ["Mqtt"]

log = logging.getLogger(__name__)

_WORD = re.compile(r"\{(\w+)\}")
_NO_TIME = (
    "no 'time_key': a message gets the time at which it came, and one that the broker sends twice is stored twice. Name the "
    "member of the payload that has its time, or accept at_least_once = true"
)


class Mqtt(Pushing):
    """Messages of an MQTT broker. A message is a number, a JSON object with one value, or a JSON object with several
    numbers, each of which is a series.

    Units:   a number in `time_key` is a time since 1970 in `time_unit`; a text without a time zone is local time in `timezone`
    Missing: null and NaN give no row; a message without a number goes to quarantine
    Fails:   if the broker drops messages that it should keep for us. Mosquitto keeps 1000 messages for each session, unless
        its setting `max_queued_messages` is 0, and loses them if it is killed, unless `persistence` and `autosave_interval`
        are set. For other topics or another broker, use another `client_id`, because a session keeps its old topics
    Raises:  SourceError if the broker does not answer, ConfigError if it refuses the connection
    """

    needs = ("paho-mqtt",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Pushing.Config):
        host: str = ""
        """Name or IP address of the broker."""
        port: int = 1883
        """Port of the broker; usually 8883 with `tls`."""
        tls: bool = False
        """Encrypt the connection with TLS; trusted are the certificates that this machine trusts."""
        user: str = ""
        """User name; empty for none."""
        password: str = ""
        """Name of the secret (`series/secret.py`) that holds the password."""
        client_id: str = ""
        """Name of our session at the broker. Never change it: under this name the broker keeps messages that come while we are
        not connected."""
        topics: list[str] = field(default_factory=list)
        """Topics to subscribe to, such as `sensors/{site}/{device}/+/#`. Parts in braces become tags. The name of a series consists
        of these parts and of those that + and # match, joined by '/'. Without braces it is the whole topic."""
        value_key: str = "value"
        """Key of the value in a JSON object. If the key is absent, each number in the object is a series called `name/key`."""
        time_key: str = ""
        """Key of the time of the value; empty: messages have no time."""
        time_unit: str = "s"
        """Unit of times that are numbers: s, ms, us or ns since 1970."""
        timezone: str = "UTC"
        """Time zone of times without one."""
        id_keys: list[str] = field(default_factory=list)
        """Keys whose values become part of the series' name."""
        at_least_once: bool = False
        """Accept messages without a time of their own. They get the time of arrival, so one that is sent twice is stored twice."""
        retained: bool = False
        """Also store retained messages. These may be old, and the broker sends them again with each new connection."""
        skew: str = "5min"
        """How far the time of a row may lie in the future; rows beyond that go to quarantine."""
        in_flight: int = 10_000
        """Most messages that we have received and not yet acknowledged; then the broker waits. Its own limit may be lower."""
        listen_s: float = 5.0
        """How many seconds `discover` listens for messages."""
        keep: str = "7D"
        """How long the broker keeps messages for us while we are not connected."""
        protocol: Literal["5", "3.1.1"] = "5"
        """Version of the MQTT protocol."""
        domain: str = "sensor"
        """Kind of the series: sensor, finance or weather."""
        step: str = ""
        """Time between two rows of a series, such as 10s. Empty: found from the rows."""
        unit: str = ""
        """Unit of the series for which `units` has no entry."""
        units: dict[str, str] = field(default_factory=dict)
        """Units of the series, by the last part of their name, such as { temperature = "°C" }."""

        def __post_init__(self) -> None:
            parse_duration(self.skew), parse_duration(self.keep), zone(self.timezone)
            if self.time_unit not in UNITS:
                raise ValueError(f"time_unit must be one of {', '.join(UNITS)}, got '{self.time_unit}'")
            if not 1 <= self.in_flight <= 65_535:
                raise ValueError(f"in_flight must be in 1..65535, got {self.in_flight}")
            for topic in self.topics:
                _pattern(topic)

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._patterns = [_pattern(topic) for topic in config.topics]
        self._heard: dict[str, _Topic] = {}
        self._known: dict[str, SeriesInfo] = {}
        self._layout = Layout(
            config.value_key, config.time_key, config.time_unit, config.timezone, config.id_keys,
            timedelta(microseconds=parse_duration(config.skew)),
        )  # fmt: skip

    def check(self, *, reach: bool = False) -> list[str]:
        config = self.config
        absent = [name for name in ("host", "client_id", "topics") if not getattr(config, name)]
        wrong = [f"option '{name}' is missing" for name in absent]
        if importlib.util.find_spec("paho") is None:
            wrong.append(str(MissingPackage("paho-mqtt", "source 'mqtt'")))
        if not config.time_key and not config.at_least_once:
            wrong.append(_NO_TIME)
        if reach and not wrong:
            try:
                with self._aside():
                    pass
            except (ConfigError, SourceError) as error:
                wrong.append(str(error))
        return wrong

    def discover(self) -> list[SeriesInfo]:
        """Series of which a message arrives within `listen_s` seconds; retained messages count, too."""
        with self._aside() as session:
            until = time.monotonic() + self.config.listen_s
            while (left := until - time.monotonic()) > 0:
                self._rows(session.take(left), retained=True)
        return sorted(self._known.values(), key=lambda info: info.unique_id)

    def describe(self, names: Collection[str]) -> list[SeriesInfo]:
        return [self._known[name] for name in names if name in self._known]

    def subscribe(self, patience_s: float) -> Iterator[Delivery]:
        with Session(self._address(), self._filters()) as session:
            while messages := session.take(patience_s):
                rows = self._rows(messages, retained=self.config.retained)
                if rows.num_rows:
                    yield Delivery(rows, lambda done=messages: session.acknowledge(done))  # type: ignore[misc]  # mypy sees no default
                else:
                    session.acknowledge(messages)

    def _rows(self, messages: Sequence[Message], *, retained: bool) -> pa.Table:
        found = [
            (self._named(message.topic, reading), reading)
            for message in messages
            if (retained or not message.retained) and self._is_ours(message.topic)
            for reading in self._layout.readings(message.payload, message.at)
        ]
        return table(
            [name for name, _ in found],
            [reading.ds for _, reading in found],
            [reading.y for _, reading in found],
            quality=["time of arrival" if reading.arrived else None for _, reading in found],
        )

    def _named(self, topic: str, reading: Reading) -> str:
        """Name of the series of a value; what is known of the series is kept for `describe`."""
        heard = self._heard[topic]
        name = "/".join([heard.name, *reading.name])
        if name not in self._known:
            config, last = self.config, name.rpartition("/")[2]
            self._known[name] = SeriesInfo(
                name, config.domain, config.units.get(last, config.unit), config.step, config.timezone, channel=last,
                entity=name.rpartition("/")[0], tags={**heard.tags, "topic": topic},
            )  # fmt: skip
        return name

    def _is_ours(self, topic: str) -> bool:
        """Whether a topic is among `topics`; others may come from an earlier session. Its parts are kept for `_named`."""
        if topic not in self._heard:
            found = next((match for pattern in self._patterns if (match := pattern.fullmatch(topic))), None)
            if found is None:
                log.warning("mqtt: topic '%s' is none of ours; use another client_id for other topics", topic)
                return False
            words = [word for word in found.groups() if word is not None]
            self._heard[topic] = _Topic("/".join(words) if found.groupdict() else topic, found.groupdict())
        return True

    def _aside(self) -> Session:
        """A session under another name, so that no messages are taken from our usual session."""
        aside = replace(self._address(), client_id=f"forecaster-{uuid.uuid4().hex[:12]}", keep_s=0, retained=True)
        return Session(aside, self._filters())

    def _address(self) -> Address:
        config = self.config
        password = secret(config.password, "connector 'mqtt'") if config.password else ""
        return Address(
            config.host, config.port, config.client_id, config.user, password, config.tls, config.protocol == "5",
            config.in_flight, parse_duration(config.keep) // 1_000_000, config.retained,
        )  # fmt: skip

    def _filters(self) -> list[str]:
        return [_WORD.sub("+", topic) for topic in self.config.topics]


@dataclass(frozen=True)
class _Topic:
    """What follows from the parts of a topic."""

    name: str
    """Name of the series, or the first part of it."""
    tags: dict[str, str]


def _pattern(topic: str) -> "re.Pattern[str]":
    """A regular expression for the topics of a template, with a group for each part that varies.

    Raises: ValueError for a template that is no filter of MQTT
    """
    levels = topic.split("/")
    for number, level in enumerate(levels):
        whole = _WORD.fullmatch(level) or level == "+" or (level == "#" and number == len(levels) - 1)
        if not whole and re.search(r"[{}+#]", level):
            raise ValueError(f"topic '{topic}': '{level}' must be a word, {{name}}, + or, at the end, #")
    kinds = {"+": "([^/]*)", "#": "(.*)"}
    made = [
        _WORD.sub(r"(?P<\1>[^/]*)", level) if "{" in level else kinds.get(level, re.escape(level)) for level in levels
    ]
    return re.compile("/".join(made).replace("/(.*)", "(?:/(.*))?"))
