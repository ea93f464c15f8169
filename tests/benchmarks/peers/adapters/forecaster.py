"""forecaster itself, through the Python door; `lstm@25` is `--model lstm --steps 25`."""

from typing import Any

PACKAGES = ()
MODELS = ("lstm@25", "lstm@50", "lstm@100", "lstm", "auto")


class Peer:
    """Default settings; seasons are found, not given. Early stopping and calibration are part of the fit."""

    def __init__(self, task: Any) -> None:
        import pytorch_lightning  # noqa: F401  an import is no training, and `fit` would bring it

        from forecaster import api

        model, _, steps = task.model.partition("@")
        settings = {"seed": task.seed, "steps": int(steps or 0), "max_seconds": 3600.0}
        self.task, self.api = task, api
        self.asked = {"model": model, "horizon": task.horizon, "settings": settings}

    def fit(self) -> int:
        """Cutoffs that training saw; none told for `auto`, which also trains what it does not take."""
        self.model = self.api.fit(self.task.frame, **self.asked)
        if self.asked["model"] == "auto":
            return 0
        trained = [(member.facts.steps, member.plan.training) for member in self.model.members]
        return sum(steps * how.rows * (how.stretch - how.warmup) for steps, how in trained)

    def predict(self) -> Any:
        """Shapes: -> [S, H, Q]"""
        rows = self.api.predict(self.model, self.task.frame).sort_values(["unique_id", "ds"])
        names = [f"q{level:g}" for level in self.task.levels]
        return rows[names].to_numpy().reshape(-1, self.task.horizon, len(names))
