"""Recorded answers of a source: what a case's `replies.toml` lists is given to the requests that it names."""

import tomllib
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.standins.web import WebStandin

__all__ = ["Recorded"]


class Recorded(WebStandin):
    """Answers from a case's folder; a request that was not recorded gets 404 with what it asked."""

    def settings(self) -> dict[str, Any]:
        return {"url": self.url}

    def names(self) -> list[str]:
        return []

    def routes(self) -> list[Route]:
        return [Route("/{path:path}", self.answer, methods=["GET", "POST"])]

    async def answer(self, request: Request) -> Response:
        asked = dict(request.query_params)
        for reply in tomllib.loads((self.folder / "replies.toml").read_text())["reply"]:
            if reply["path"] == request.url.path and reply.get("query", {}).items() <= asked.items():
                body = Path(self.folder / reply["body"]).read_bytes()
                kind = {".json": "application/json", ".csv": "text/csv"}.get(Path(reply["body"]).suffix, "text/html")
                return Response(body, reply.get("status", 200), media_type=kind)
        return PlainTextResponse(f"no recorded reply to {request.url.path} {asked}", 404)
