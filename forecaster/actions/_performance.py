"""A row of `forecaster query performance`: how one version did."""

from typing import TYPE_CHECKING, Any

from forecaster.actions._model_versions import promised

if TYPE_CHECKING:
    from forecaster.evaluation.alarm_rate import AlarmRate
    from forecaster.evaluation.matured import Matured
    from forecaster.registry.base import Version

__all__ = ["performance"]


def performance(
    name: str,
    forecasts: "Matured | None",
    alarms: "AlarmRate | None",
    version: "Version | None",
    champion: "Version | None",
) -> dict[str, Any]:
    """Its verdicts first; numbers that are not known are None."""
    rows = {
        "version": name,
        "serves": champion is not None and champion.version == name,
        "verdict": "too few forecasts have come due for a verdict",
        "alarm_verdict": "too few rows for a verdict",
        **_of_forecasts(forecasts, None if version is None else promised(version)),
        **_of_alarms(alarms),
    }
    return {key: None if value != value else value for key, value in rows.items()}


def _of_forecasts(found: "Matured | None", promise: float | None) -> dict[str, Any]:
    from forecaster.evaluation.verdict import verdict

    if found is None:
        names = ("mase", "naive_mase", "coverage80", "bias")
        return {"values": 0, **dict.fromkeys(names), "promised": promise, "worse": False}
    own, said = found.own.values(), verdict(found, promise)
    return {
        "verdict": said.reason,
        "values": found.values,
        "mase": own["mase"],
        "naive_mase": found.naive.values()["mase"],
        "promised": promise,
        "coverage80": own["coverage80"],
        "bias": own["bias"],
        "worse": said.worse,
    }


def _of_alarms(found: "AlarmRate | None") -> dict[str, Any]:
    from forecaster.evaluation.alarm_rate import COUNTED
    from forecaster.evaluation.alarm_verdict import alarm_verdict, loudest

    rates = ("false_per_1000", "false_low", "false_high", "asked_per_1000")
    if found is None:
        return {**dict.fromkeys(rates), **dict.fromkeys(COUNTED, 0), "loudest": "", "too_many": False}
    said, sums = alarm_verdict(found), found.totals()
    return {
        "alarm_verdict": said.reason,
        **dict(zip(rates, found.per_1000(), strict=True)),
        **{name: int(sums[name]) for name in COUNTED},
        "loudest": loudest(found),
        "too_many": said.worse,
    }
