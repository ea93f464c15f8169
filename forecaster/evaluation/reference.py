"""The reference: the model that every other one is judged beside."""

__all__ = ["NAIVE"]

NAIVE = "seasonal_naive"
