"""Variables of OPC UA servers: changes as they happen, and history if the server stores it.

A subscription delivers no changes that happen while we are not connected. These are read from the server's history, span
by span, if it has one.
"""

import importlib.util
import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from connectors._asked import ends
from connectors._opcua_rows import rows_of, time_of
from connectors._opcua_told import Told
from forecaster.errors import ConfigError, ForecasterError, MissingPackage, SourceError
from forecaster.series.delivered import gathered
from forecaster.series.frequency import parse_duration
from forecaster.series.pushing import Delivery, Pushing
from forecaster.series.secret import secret
from forecaster.series.source import Done, SeriesInfo, Slice, Window
from forecaster.series.timed import Timed

if TYPE_CHECKING:
    from asyncua.sync import Client, SyncNode

__all__ = ["Opcua"]

log = logging.getLogger(__name__)

_TIMEOUT_S = 10.0
_USERS_MOVE = ("Denied", "IdentityToken", "NodeId", "Security", "Certificate", "HistoryOperation")
"""Parts of the names of status codes that say what is wrong with the settings."""


class Opcua(Timed, Pushing):
    """Variables of an OPC UA server; each is a series.

    Units:   those in the variable's EngineeringUnits, else `unit`; Boolean values become 0 and 1
    Missing: a null value gives no row; a value with a bad status goes to quarantine; one with an uncertain status is stored,
        with the status code as its quality
    Fails:   on a server without history: changes that happen while nobody listens are lost
    Raises:  ConfigError for a node, an account or a security policy that the server refuses; SourceError if it does not answer
    """

    needs = ("asyncua",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Timed.Config):
        url: str = ""
        """Address of the server, such as opc.tcp://127.0.0.1:4840."""
        nodes: dict[str, str] = field(default_factory=dict)
        """Name of each series, and its node: { temperature = "ns=2;s=Machine.Temperature" }."""
        history: bool = True
        """Also read the server's history; set to false for a server without one."""
        user: str = ""
        """User name; empty for an anonymous session."""
        password: str = ""
        """Name of the secret (`series/secret.py`) that holds the password."""
        security: str = ""
        """Policy,mode,certificate,key[,server certificate], such as Basic256Sha256,SignAndEncrypt,cert.der,key.pem. Empty: no
        encryption."""
        publishing: str = "1s"
        """How often the server sends changes."""
        sampling: str = "100ms"
        """How often the server reads the variable to look for changes."""
        in_flight: int = 100_000
        """Most changes that have arrived and are not stored yet. Beyond that the subscription ends, and the missing part is read
        from the history."""
        domain: str = "sensor"
        """Kind of the series: sensor, finance or weather."""
        step: str = ""
        """Time between two rows of a series, such as 1s. Empty: found from the rows."""
        unit: str = ""
        """Unit of variables without EngineeringUnits."""
        settle: str = "10s"
        """History younger than this is not read yet."""
        span: str = "1D"
        """Longest time span of history that is read at once; each such piece is stored completely or not at all."""

        def __post_init__(self) -> None:
            super().__post_init__()
            parse_duration(self.publishing), parse_duration(self.sampling)

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._known: dict[str, SeriesInfo] = {}

    def check(self, *, reach: bool = False) -> list[str]:
        wrong = [f"option '{name}' is missing" for name in ("url", "nodes") if not getattr(self.config, name)]
        if importlib.util.find_spec("asyncua") is None:
            wrong.append(str(MissingPackage("asyncua", "source 'opcua'")))
        if reach and not wrong:
            try:
                self.discover()
            except ForecasterError as error:
                wrong.append(str(error))
        return wrong

    def parts(self) -> list[str]:
        return list(self.config.nodes) if self.config.history else []

    def plan(self, window: Window, done: Done) -> list[Slice]:
        return Timed.plan(self, window, done)

    def discover(self) -> list[SeriesInfo]:
        with self._connected() as client:
            return [self._looked_up(client, name) for name in self.config.nodes]

    def describe(self, names: Collection[str]) -> list[SeriesInfo]:
        return [self._known[name] for name in names if name in self._known]

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        start, end = ends(piece)
        yield from gathered(self._pages(piece, start, end))

    def _pages(self, piece: Slice, start: datetime, end: datetime) -> Iterator[pa.Table]:
        with self._connected() as client:
            self._looked_up(client, piece.part)
            for found in _history(self._node(client, piece.part), start, end):
                yield rows_of([(piece.part, value) for value in found if start <= time_of(value, end) < end])

    def subscribe(self, patience_s: float) -> Iterator[Delivery]:
        config, told = self.config, Told(self.config.in_flight)
        with self._connected() as client:
            nodes = {name: self._node(client, name) for name in config.nodes}
            names: dict[str, list[str]] = {}
            for name, node in nodes.items():
                names.setdefault(str(node.nodeid), []).append(name)
                self._looked_up(client, name)
            watched = {same[0]: nodes[same[0]] for same in names.values()}
            subscription = client.create_subscription(parse_duration(config.publishing) / 1000, told)
            sampling = parse_duration(config.sampling) / 1000
            made = subscription.subscribe_data_change(
                list(watched.values()), queuesize=1000, sampling_interval=sampling
            )
            _require_accepted(made, list(watched))
            while changes := told.take(patience_s):
                rows = rows_of([(name, value) for node, value in changes for name in names[node]])
                yield Delivery(rows, lambda: None)
            client.check_connection()

    @contextmanager
    def _connected(self) -> Iterator["Client"]:
        """A session. Errors of the library are raised as ConfigError or SourceError."""
        try:
            from asyncua.sync import Client
            from asyncua.ua.uaerrors import UaError
        except ImportError as error:
            raise MissingPackage("asyncua", "source 'opcua'") from error
        # Its watchdog calls a server dead that does not answer beside a page of history within this time.
        client = Client(self.config.url, timeout=_TIMEOUT_S, watchdog_intervall=_TIMEOUT_S)
        try:
            self._introduce(client)
            client.connect()
        except Exception as error:
            _leave(client)
            raise self._said(error) from error
        try:
            yield client
        except (UaError, OSError, TimeoutError) as error:
            raise self._said(error) from error
        finally:
            _leave(client)

    def _introduce(self, client: "Client") -> None:
        config = self.config
        if config.user:
            client.set_user(config.user)
            client.set_password(secret(config.password, "connector 'opcua'") if config.password else "")
        if config.security:
            client.set_security_string(config.security)

    def _said(self, error: Exception) -> Exception:
        if isinstance(error, ForecasterError):
            return error
        message = f"opcua, {self.config.url}: {type(error).__name__}, {str(error) or 'no answer'}"
        if any(words in type(error).__name__ for words in _USERS_MOVE) or isinstance(error, ValueError):
            return ConfigError(f"{message}. Check nodes, account and security.")
        return SourceError(message)

    def _node(self, client: "Client", name: str) -> "SyncNode":
        """The node of a series. Raises: ConfigError for a node that does not exist"""
        from asyncua.ua.uaerrors import UaStatusCodeError

        try:
            node = client.get_node(self.config.nodes[name])
            node.read_node_class()
        except (UaStatusCodeError, ValueError) as error:
            raise ConfigError(
                f"opcua, node '{name}' ({self.config.nodes[name]}): {error}. Check its identifier."
            ) from error
        return node

    def _looked_up(self, client: "Client", name: str) -> SeriesInfo:
        """Name and unit of a variable; they are kept, since asking for them needs a connection."""
        from asyncua.ua.uaerrors import UaError

        if name in self._known:
            return self._known[name]
        config, node = self.config, self._node(client, name)
        try:
            unit = node.get_child("0:EngineeringUnits").read_value().DisplayName.Text
        except (UaError, AttributeError):
            unit = ""
        called, tags = node.read_display_name().Text or "", {"node": config.nodes[name]}
        info = SeriesInfo(name, config.domain, unit or config.unit, config.step, channel=called, tags=tags)
        self._known[name] = info
        return info


def _history(node: "SyncNode", start: datetime, end: datetime) -> Iterator[list[Any]]:
    """Values of a span. The server chooses how many come at once, since some servers drop the rest if a number is given."""
    from asyncua import ua

    wanted = ua.ReadRawModifiedDetails(IsReadModified=False, StartTime=start, EndTime=end, ReturnBounds=False)
    left: bytes | None = None
    while True:
        found = node.history_read(wanted, left)
        found.StatusCode.check()
        yield found.HistoryData.DataValues
        if not found.ContinuationPoint:
            return
        if found.ContinuationPoint == left:
            raise SourceError(
                f"opcua, node '{node}': its history goes on where it stood, after {len(found.HistoryData.DataValues)} values"
            )
        left = found.ContinuationPoint


def _require_accepted(handles: Any, names: Sequence[str]) -> None:
    """Check that the server watches all nodes. Raises: ConfigError for a node that it refuses"""
    for name, handle in zip(names, handles if isinstance(handles, list) else [handles], strict=True):
        if not isinstance(handle, int):
            raise ConfigError(f"opcua, node '{name}': {handle.name}. Check its identifier.")


def _leave(client: "Client") -> None:
    """End the session; after a lost connection there may be nothing to end."""
    try:
        client.disconnect()
    except Exception as error:
        log.debug("opcua: %s", error)
