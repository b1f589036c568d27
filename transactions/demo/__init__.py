"""The demo: people with a lived-in history, to look around in and to try things on."""
