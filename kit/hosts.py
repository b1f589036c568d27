"""Hosts of services: which of them are this machine."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether traffic to this host never leaves the machine: `localhost`, or an address such as 127.0.0.1 or [::1]."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
