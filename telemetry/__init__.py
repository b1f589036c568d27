"""Metrics and logging. Imports nothing else of this project, so that every package may use it."""
