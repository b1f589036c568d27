"""Compares this checkout with another commit of the project: see docs/benchmarks.md."""
