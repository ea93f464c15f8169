"""A stand-in that answers on 127.0.0.1: a Starlette application in a thread, with faults in front of it."""

import asyncio
import socket
import threading
import time
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pandas as pd
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.standins.base import Fault, Standin

__all__ = ["WebStandin"]


class WebStandin(Standin):
    """Routes of an API over rows `unique_id, ds, y` in `self.rows`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.clock: Callable[[], float] = time.monotonic
        """Time by which weights are counted; the kit sets it to the client's."""
        self.clear()
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @abstractmethod
    def routes(self) -> list[Route]:
        """The original's paths."""

    def clear(self) -> None:
        self.rows = pd.DataFrame({"unique_id": [], "ds": pd.DatetimeIndex([], tz="UTC"), "y": []})
        self._of: object = None
        self._parts: dict[str, pd.DataFrame] = {}
        self.asked: list[Request] = []
        """Every request that came."""
        self.spent: list[tuple[float, float]] = []
        """When which weight was asked for."""
        self.faults.clear()

    def of(self, name: str) -> pd.DataFrame:
        """Rows of a series, as they lie."""
        if self._of is not self.rows:
            self._of = self.rows
            self._parts = {str(name): part for name, part in self.rows.groupby("unique_id", sort=False)}
        return self._parts.get(name, self.rows[:0])

    def weight(self, request: Request) -> float:
        """What the original counts for a request."""
        return 1.0

    def untidy(self) -> None:
        """Answers take the rows as they lie in `self.rows`."""
        self.rows = pd.concat([self.rows[::-1], self.rows[:1]], ignore_index=True)

    def put(self, rows: pd.DataFrame) -> None:
        both = pd.concat([self.rows, rows], ignore_index=True) if len(self.rows) else rows
        self.rows = both.drop_duplicates(["unique_id", "ds"], keep="last").sort_values(["unique_id", "ds"])

    def __enter__(self) -> Self:
        config = uvicorn.Config(_Faulty(self), log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)


class _Faulty:
    """The application, behind its faults."""

    def __init__(self, standin: WebStandin) -> None:
        self.standin = standin
        self.inner = Starlette(routes=standin.routes())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.standin.asked.append(Request(scope))
        self.standin.spent.append((self.standin.clock(), self.standin.weight(Request(scope))))
        fault = self.standin.faults.popleft() if self.standin.faults else None
        if fault is None:
            await self.inner(scope, receive, send)
        elif fault.wait_s:
            await asyncio.sleep(fault.wait_s)
            await self.inner(scope, receive, send)
        elif fault.cut:
            await self.inner(scope, receive, _cutting(send))
        else:
            await _wrong(fault)(scope, receive, send)


def _wrong(fault: Fault) -> Response:
    return Response(fault.body, fault.status, dict(fault.headers or {"content-type": "text/plain"}))


def _cutting(send: Any) -> Any:
    """Sends half of the body that was announced, then nothing more."""

    async def cut(message: Any) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            await send({**message, "body": body[: len(body) // 2], "more_body": False})
        else:
            await send(message)

    return cut
