"""Where passkeys work: at the address of SITE_URL, and nowhere else.

Browsers bind a passkey to a domain, so the domain must not depend on the host that a request names. They accept no IP
address and no plain HTTP, but for `localhost`: for a site at 127.0.0.1, passkeys work under that name.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeySite:
    """The domain that passkeys are bound to (the RP id), and the one origin whose pages may use them."""

    domain: str
    origin: str

    def is_at(self, request: HttpRequest) -> bool:
        """Whether the browser shows this origin. Otherwise it would refuse to use a passkey."""
        return _origin(request.scheme or "", request.get_host()) == self.origin


def passkey_site() -> PasskeySite | None:
    """None if browsers offer no passkeys at SITE_URL."""
    parts = urlsplit(settings.SITE_URL)
    host = parts.hostname or ""
    if host in _LOOPBACK:
        host = "localhost"
    elif parts.scheme != "https" or _is_address(host):
        return None
    netloc = host if parts.port is None else f"{host}:{parts.port}"
    return PasskeySite(domain=host, origin=_origin(parts.scheme, netloc))


def _origin(scheme: str, netloc: str) -> str:
    """An origin as browsers write it."""
    parts = urlsplit(f"{scheme}://{netloc}")
    port = "" if parts.port in {None, _DEFAULT_PORTS.get(scheme)} else f":{parts.port}"
    return f"{scheme}://{parts.hostname}{port}"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
