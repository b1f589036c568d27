"""The demo: users with a realistic history, to look at and to experiment with."""
