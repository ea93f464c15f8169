"""Trainings that take a second: enough to see that something works, not how well."""

import dataclasses
from typing import Any

from forecaster import plugins

__all__ = ["quick"]


def quick(model: str = "lstm", **more: Any) -> dict[str, Any]:
    """Settings of a small network, trained for a few small steps."""
    named = {field.name for field in dataclasses.fields(plugins.load("models", model).Config)}
    size = {"size": "s"} if "size" in named else {}
    return {**size, "steps": 12, "validations": 2, "rows": 4, "stretch": 32, **more}
