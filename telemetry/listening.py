"""Opens the internal port. Gunicorn's master does that, which must not import the metrics, so this imports nothing."""

import socket


def internal_listen(bind: str) -> socket.socket:
    """A listening socket at host:port, which several processes may share. Raises OSError if the port is taken."""
    host, port = bind_parse(bind)
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    # If processes share it, all of them wake up for a connection and only one gets it.
    listener.settimeout(0)
    return listener


def bind_parse(bind: str) -> tuple[str, int]:
    """Host and port of "host:port" or "[address]:port". Raises ValueError."""
    host, _, port = bind.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65_535:
        raise ValueError(f"It must be host:port, such as 127.0.0.1:9464, and not {bind!r}.")
    return host.removeprefix("[").removesuffix("]"), int(port)
