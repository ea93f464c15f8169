"""An OPC UA server of asyncua's own, with history."""

from datetime import datetime
from typing import Any, ClassVar, Self

import pandas as pd
from asyncua import ua
from asyncua.server.history import HistoryDict
from asyncua.sync import Server

from tests.standins.base import Standin
from tests.standins.servers import free_port

__all__ = ["Machine"]


class Machine(Standin):
    """Two variables of a machine."""

    lacks: ClassVar = {
        "*": "a subscription gives what changes while it lasts, which no kit can put there before: tests/connectors/test_opcua.py"
    }

    def __enter__(self) -> Self:
        self.url = f"opc.tcp://127.0.0.1:{free_port()}"
        self.server = Server()
        self.history = HistoryDict(max_history_data_response_size=100)
        self.server.aio_obj.iserver.history_manager.set_storage(self.history)
        self.server.set_endpoint(self.url)
        self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        space = self.server.register_namespace("machine")
        self.variables = {
            name: self.server.nodes.objects.add_variable(f"ns={space};i={n}", name, 0.0, ua.VariantType.Double)
            for n, name in enumerate(self.names(), 1)
        }
        self.server.start()
        post = self.server.tloop.post
        for variable in self.variables.values():
            post(self.server.aio_obj.historize_node_data_change(variable.aio_obj, period=None, count=0))
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    def settings(self) -> dict[str, Any]:
        nodes = {name: node.nodeid.to_string() for name, node in self.variables.items()}
        return {"url": self.url, "nodes": nodes, "settle": ""}

    def names(self) -> list[str]:
        return ["temperature", "speed"]

    def put(self, rows: pd.DataFrame) -> None:
        for name, ds, y in rows[["unique_id", "ds", "y"]].itertuples(index=False):
            self.write(str(name), y, ds.to_pydatetime())

    def write(self, name: str, y: Any, at: datetime, code: int = ua.StatusCodes.Good) -> None:
        """A value with its time and code."""
        variant = ua.Variant(y, ua.VariantType.Double)
        value = ua.DataValue(variant, ua.StatusCode(code), SourceTimestamp=at, ServerTimestamp=at)
        self.variables[name].write_attribute(ua.AttributeIds.Value, value)

    def clear(self) -> None:
        """History cannot be taken back."""
