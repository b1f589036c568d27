"""Metrics, tracing and logging. Imports nothing of ours, so that every room may use it."""
