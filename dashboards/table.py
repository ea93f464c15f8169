"""How all pages draw a table, and the badges in it."""

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc

__all__ = ["badge", "table"]

_LEAST_WIDTH = 720
"""Pixels; on a narrower screen a table is scrolled, not the page."""


def table(heads: Sequence[str], rows: Sequence[Any]) -> Any:
    """A table with the names of its columns."""
    head = dmc.TableThead(dmc.TableTr([dmc.TableTh(name) for name in heads]))
    drawn = dmc.Table([head, dmc.TableTbody(list(rows))], highlightOnHover=True)
    return dmc.TableScrollContainer(drawn, minWidth=_LEAST_WIDTH, type="native")


def badge(text: str, colour: str) -> Any:
    """A word in a colour, which is never cut."""
    return dmc.Badge(text, color=colour, variant="light", tt="none", styles=_UNCUT)


_UNCUT = {"root": {"overflow": "visible", "flex": "none"}, "label": {"overflow": "visible"}}
