"""Django's Postgres backend, which refuses a server that would not keep this site's promises."""
