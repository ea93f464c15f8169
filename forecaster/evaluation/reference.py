"""The reference: the baseline model that every other model is compared with."""

__all__ = ["NAIVE"]

NAIVE = "seasonal_naive"
