"""Servers that answer, but not as the site needs them: read-only, starting, of an old version, behind a pooler."""
