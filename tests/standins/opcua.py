"""An OPC UA server of asyncua's own, with history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Self

import pandas as pd
from asyncua import ua
from asyncua.server.history import HistoryDict
from asyncua.sync import Server

from tests.standins.base import Fault, Standin
from tests.standins.servers import free_port

__all__ = ["Machine"]


_NO_REQUESTS = "a session is no HTTP: what it says of accounts and nodes is in tests/connectors/test_opcua.py"


class _History(HistoryDict):
    """History that can be out of order."""

    faults = 0

    async def read_node_history(self, *asked: Any) -> Any:
        if self.faults:
            raise ua.UaStatusCodeError(ua.StatusCodes.BadOutOfService)
        return await super().read_node_history(*asked)


class Machine(Standin):
    """Two variables of a machine. The kit reads their history; changes as they happen are in test_opcua.py."""

    page = 100
    lacks: ClassVar = {
        "wrong_key": _NO_REQUESTS,
        "too_many_requests": _NO_REQUESTS,
        "too_many_requests_without_a_wait": _NO_REQUESTS,
        "error_then_answer": _NO_REQUESTS,
        "slow_answer": _NO_REQUESTS,
        "cut_body": _NO_REQUESTS,
        "page_of_html": _NO_REQUESTS,
        "secrets": _NO_REQUESTS,
        "weight_budget": "a server of one's own has no limit of calls",
    }

    def __enter__(self) -> Self:
        self.url = f"opc.tcp://127.0.0.1:{free_port()}"
        self.server = Server()
        self.history = _History()
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
        """Into the history as it would be after these changes: of one time the last one."""
        self.history.max_history_data_response_size = self.page
        for name, part in rows.groupby("unique_id"):
            known = self.past.setdefault(str(name), {})
            known.update(zip(part["ds"].dt.to_pydatetime(), part["y"], strict=True))
            self._keep(str(name), sorted(known.items()))

    def _keep(self, name: str, values: Sequence[tuple[datetime, Any]]) -> None:
        kept = [_value(y, at) for at, y in values]
        self.history._datachanges[self.variables[name].nodeid] = kept

    def untidy(self) -> None:
        for name, values in self.past.items():
            ordered = sorted(values.items())
            self._keep(name, [*ordered[::-1], ordered[0]])

    def fault(self, *faults: Fault) -> None:
        self.history.faults = len(faults)

    def heal(self) -> None:
        self.history.faults = 0

    def unknown(self, name: str) -> dict[str, Any]:
        return {**self.settings(), "nodes": {name: "ns=2;i=999"}}

    def write(self, name: str, y: Any, at: datetime, code: int = ua.StatusCodes.Good) -> None:
        """A value with its time and code."""
        self.variables[name].write_attribute(ua.AttributeIds.Value, _value(y, at, code))

    def clear(self) -> None:
        self.past: dict[str, dict[datetime, Any]] = {}
        self.heal()
        for name in self.names():
            self._keep(name, [])


def _value(y: Any, at: datetime, code: int = ua.StatusCodes.Good) -> ua.DataValue:
    variant = ua.Variant(y, ua.VariantType.Double)
    return ua.DataValue(variant, ua.StatusCode(code), SourceTimestamp=at, ServerTimestamp=at)
