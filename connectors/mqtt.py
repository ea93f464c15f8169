"""Messages of an MQTT broker: at least once from the broker, once in the lake.

The broker keeps a session under our `client_id` and sends again what was not acknowledged; a message is acknowledged after
its rows are committed, and rows that come twice are the same series and time, so the second is nothing new.
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
    """Numbers, JSON objects with a value, or JSON objects with a series in each member.

    Units:   numbers in `time_key` count `time_unit`s since 1970; texts without a zone are wall clocks of `timezone`
    Missing: null and NaN are no row; a payload without a number goes to quarantine
    Fails:   on a broker that drops what it should keep for us: Mosquitto keeps 1000 messages a session unless
        `max_queued_messages 0` says otherwise, and forgets them when it is killed unless `persistence` and
        `autosave_interval` are on. Other topics or another broker need another `client_id`: a session keeps its old topics
    Raises:  SourceError for a broker that does not answer, ConfigError for one that refuses us
    """

    needs = ("paho-mqtt",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Pushing.Config):
        host: str = ""
        """The broker."""
        port: int = 1883
        """Its port; 8883 is usual with `tls`."""
        tls: bool = False
        """Talk through TLS, and believe the machine's certificates."""
        user: str = ""
        password: str = ""
        """Name of the secret with the password."""
        client_id: str = ""
        """Who we are to the broker, always the same: under this name it keeps what comes while we are away."""
        topics: list[str] = field(default_factory=list)
        """Such as `sensors/{site}/{device}/+/#`: words in braces become tags; they and what + and # stand for, joined by '/',
        are the series' name. Without braces that is the whole topic."""
        value_key: str = "value"
        """Member with the value; where it is absent, each member that is a number is a series, called `name/member`."""
        time_key: str = ""
        """Member with the time of the value."""
        time_unit: str = "s"
        """What times count that are numbers: s, ms, us or ns since 1970."""
        timezone: str = "UTC"
        """Zone of times that have none."""
        id_keys: list[str] = field(default_factory=list)
        """Members that belong to the name of the series."""
        at_least_once: bool = False
        """Accept that messages without a time of their own may be stored twice."""
        retained: bool = False
        """Take also what the broker retains of each topic; it may be old, and comes with each new session."""
        skew: str = "5min"
        """How far a clock may go ahead; rows that are later than that go to quarantine."""
        in_flight: int = 10_000
        """Messages that we have and did not acknowledge, at most; the broker waits then (its own limit may be lower)."""
        listen_s: float = 5.0
        """How long `discover` listens."""
        keep: str = "7D"
        """How long the broker keeps for us what comes while we are away."""
        protocol: Literal["5", "3.1.1"] = "5"
        """Version of MQTT."""
        domain: str = "sensor"
        """sensor, finance or weather."""
        step: str = ""
        """Distance of a series' rows, such as 10s; empty: found from the rows."""
        unit: str = ""
        """Unit of all series that `units` does not name."""
        units: dict[str, str] = field(default_factory=dict)
        """Unit by the last word of a series' name."""

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
        """Series that are heard of within `listen_s` seconds, retained messages among them."""
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
        """The series of a value; what is known of it is kept for `describe`."""
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
        """Is a topic asked for, not one of an earlier session of this client? What its words say is kept for `_named`."""
        if topic not in self._heard:
            found = next((match for pattern in self._patterns if (match := pattern.fullmatch(topic))), None)
            if found is None:
                log.warning("mqtt: topic '%s' is none of ours; use another client_id for other topics", topic)
                return False
            words = [word for word in found.groups() if word is not None]
            self._heard[topic] = _Topic("/".join(words) if found.groupdict() else topic, found.groupdict())
        return True

    def _aside(self) -> Session:
        """A session under another name, which takes no messages from our usual session."""
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
    """What the words of a topic say."""

    name: str
    """Of its series, or the first part of that."""
    tags: dict[str, str]


def _pattern(topic: str) -> "re.Pattern[str]":
    """What matches topics, with a group for each word that may differ.

    Raises: ValueError for a template that MQTT has no filter for
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
