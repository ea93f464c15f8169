"""A session with an MQTT broker that outlives this process: messages not acknowledged are sent again."""

import queue
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from forecaster.errors import ConfigError, MissingPackage, SourceError

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

__all__ = ["Address", "Message", "Session"]

_CONNECT_S = 20.0
_KEEPALIVE_S = 60
_BYTES_AT_ONCE = 2 << 20
"""Payloads that are handed on together: a message may hold thousands of values."""
_CLOSED = 0x80
"""Reason codes from here on are refusals."""
_NOT_RETAINED, _RETAINED_ONCE = 2, 1
"""Retain handling of a subscription, MQTT 5 section 3.8.3.1."""


@dataclass(frozen=True)
class Address:
    """A broker, who we are there, and what it keeps for us."""

    host: str
    port: int
    client_id: str
    user: str = ""
    password: str = ""
    tls: bool = False
    version_5: bool = True
    in_flight: int = 10_000
    keep_s: int = 0
    """How long the broker keeps what it has for us while we are away; 0: nothing is kept."""
    retained: bool = False

    def __str__(self) -> str:
        return f"mqtt, {self.host}:{self.port}"


@dataclass(frozen=True)
class Message:
    """A message and when it came."""

    topic: str
    payload: bytes
    at: datetime
    retained: bool
    mid: int
    qos: int
    connection: int
    """A broker may use `mid` again for another message in a later connection."""


class Session:
    """Messages in a bounded queue, filled by paho's thread; `with Session(...) as session:` connects and disconnects.

    Raises: SourceError for a broker that does not answer, ConfigError for one that refuses us or our topics
    """

    def __init__(self, address: Address, filters: Sequence[str]) -> None:
        self.address, self.filters = address, filters
        self.connection = 0
        self.connected = False
        self._subscribed = self._closed = False
        self._refused = ""
        self._come: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._client = self._made()

    def __enter__(self) -> Self:
        try:
            self._client.connect(self.address.host, self.address.port, _KEEPALIVE_S, **self._how())
        except (OSError, ValueError) as error:
            raise SourceError(f"{self.address}: {error}. Expected an MQTT broker there.") from error
        self._client.loop_start()
        try:
            self._wait_for_topics()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._client.disconnect()
        self._client.loop_stop()

    def take(self, patience_s: float) -> list[Message]:
        """Received messages, oldest first; waits for a first one, and gives none after the waiting time."""
        try:
            found = [self._come.get(timeout=patience_s)]
        except queue.Empty:
            self._raise_if_refused()
            if not self.connected:
                raise SourceError(f"{self.address}: the connection broke off, and could not be made again.") from None
            return []
        size = len(found[0].payload)
        while len(found) < self.address.in_flight and size < _BYTES_AT_ONCE and not self._come.empty():
            found.append(self._come.get_nowait())
            size += len(found[-1].payload)
        return found

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Acknowledge messages to the broker. Those of an earlier connection come again, and are acknowledged then."""
        for message in messages:
            if message.connection == self.connection:
                self._client.ack(message.mid, message.qos)

    def _made(self) -> "Client":
        try:
            from paho.mqtt.client import Client, MQTTv5, MQTTv311
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise MissingPackage("paho-mqtt", "source 'mqtt'") from error
        address = self.address
        client = Client(
            CallbackAPIVersion.VERSION2, address.client_id, manual_ack=True,
            protocol=MQTTv5 if address.version_5 else MQTTv311,
            clean_session=None if address.version_5 else not address.keep_s,
        )  # fmt: skip
        if address.user:
            client.username_pw_set(address.user, address.password or None)
        if address.tls:
            client.tls_set_context(ssl.create_default_context())
        client.reconnect_delay_set(1, 30)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_subscribe, client.on_message = self._on_subscribe, self._on_message
        return client

    def _how(self) -> dict[str, Any]:
        """Properties that MQTT version 5 sends with CONNECT."""
        if not self.address.version_5:
            return {}
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        said: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
        said.SessionExpiryInterval = self.address.keep_s
        said.ReceiveMaximum = min(self.address.in_flight, 65_535)
        return {"clean_start": not self.address.keep_s, "properties": said}

    def _wait_for_topics(self) -> None:
        """Until the broker has answered; what it kept for us may come first, and fill the queue."""
        until = time.monotonic() + _CONNECT_S
        while not (self._subscribed or self._come.qsize()) and time.monotonic() < until:
            self._raise_if_refused()
            time.sleep(0.01)
        self._raise_if_refused()
        if not (self._subscribed or self._come.qsize()):
            raise SourceError(f"{self.address}: no answer to CONNECT and SUBSCRIBE within {_CONNECT_S:.0f} s.")

    def _raise_if_refused(self) -> None:
        if self._refused:
            raise ConfigError(f"{self.address}: {self._refused}. Check user, password, client_id and topics.")

    # Called by paho's thread

    def _on_connect(self, client: "Client", _: object, flags: object, reason: Any, properties: object) -> None:
        if reason.is_failure:
            self._refused = f"the broker refuses '{self.address.client_id}': {reason}"
            client.disconnect()
            return
        self.connection += 1
        self.connected = True
        if self.address.version_5:
            from paho.mqtt.subscribeoptions import SubscribeOptions

            handling = _RETAINED_ONCE if self.address.retained else _NOT_RETAINED
            options = SubscribeOptions(qos=1, retainHandling=handling)
            client.subscribe([(topic, options) for topic in self.filters])
        else:
            client.subscribe([(topic, 1) for topic in self.filters])

    def _on_subscribe(self, client: object, _: object, mid: int, reasons: Sequence[Any], properties: object) -> None:
        refused = [topic for topic, reason in zip(self.filters, reasons, strict=False) if reason.value >= _CLOSED]
        if refused:
            self._refused = f"the broker refuses the topic '{refused[0]}'"
        self._subscribed = True

    def _on_disconnect(self, client: object, _: object, flags: object, reason: Any, properties: object) -> None:
        self.connected = False

    def _on_message(self, client: object, _: object, message: "MQTTMessage") -> None:
        """Put a message in the queue. A full queue blocks the network and so the broker: QoS 0 has no other limit."""
        come = Message(
            message.topic, bytes(message.payload), datetime.now(UTC), message.retain, message.mid, message.qos,
            self.connection,
        )  # fmt: skip
        while self._come.qsize() >= self.address.in_flight and not self._closed:
            time.sleep(0.01)
        self._come.put(come)
