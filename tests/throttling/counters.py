"""Reads this process's metrics."""

from prometheus_client import REGISTRY


def counted(name: str, **labels: str) -> float:
    """The value of the counter `name` with these labels, 0 if it never counted."""
    return REGISTRY.get_sample_value(f"{name}_total", labels) or 0.0
