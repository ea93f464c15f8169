"""Trainings that take a second: enough to see that something works, not how well."""

from typing import Any

from forecaster import plugins

__all__ = ["quick"]


def quick(model: str = "lstm", **more: Any) -> dict[str, Any]:
    """Settings of a small network, trained for a few small steps."""
    size = {"size": "s"} if plugins.load("models", model).learned else {}
    return {**size, "steps": 12, "validations": 2, "rows": 4, "stretch": 32, **more}
