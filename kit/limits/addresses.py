"""The client's address, which no header can forge. All limits use it, including allauth's."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

#: Stands for every client without a readable address (a Unix socket, a broken proxy). They share one bucket.
UNKNOWN = "0.0.0.0"  # noqa: S104 - no socket is bound to it
#: An IPv6 provider assigns each customer at least a /64 network, in which the customer chooses addresses freely.
_IPV6_CUSTOMER_BITS = 64


def client_address(request: HttpRequest) -> str:
    """The address that our outermost proxy saw; without proxies, the address of the connection.

    Each proxy appends the address it saw to X-Forwarded-For. With n proxies of our own (TRUSTED_PROXIES) the n-th entry
    from the end is therefore genuine, and any entry before it may be forged. A header with fewer than n entries did not
    pass all our proxies and is ignored.
    """
    # A repeated header arrives as one, with its values joined by commas in order.
    return address_of(
        forwarded=request.META.get("HTTP_X_FORWARDED_FOR", ""), connected=request.META.get("REMOTE_ADDR", "")
    )


def client_network(request: HttpRequest) -> str:
    """What limits count by: the IPv4 address, or the whole network of an IPv6 customer."""
    return network_of(client_address(request))


def address_of(*, forwarded: str, connected: str) -> str:
    """The client's address for servers other than Django, from X-Forwarded-For and the address of the connection."""
    address = _read(_forwarded(forwarded)) or _read(connected)
    return str(address) if address else UNKNOWN


def network_of(text: str) -> str:
    """The network, as in `client_network`, of an address that `address_of` returned."""
    address = ip_address(text)
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, _IPV6_CUSTOMER_BITS), strict=False).network_address)


def _forwarded(header: str) -> str:
    proxies: int = settings.TRUSTED_PROXIES
    seen = header.split(",")
    return seen[-proxies] if 0 < proxies <= len(seen) else ""


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """192.0.2.1, 192.0.2.1:443, 2001:db8::1, [2001:db8::1]:443, ::ffff:192.0.2.1; None for anything else.

    The port is dropped: a client could use each of its sixty thousand ports in turn.
    """
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
