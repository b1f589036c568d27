"""Where a request comes from, in a way that no header can forge. Every limit asks here, allauth too."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

#: Whoever comes without an address that can be read (a Unix socket, a broken proxy): they share one bucket.
UNKNOWN = "0.0.0.0"  # noqa: S104 - nothing is bound to it
#: What one customer of an IPv6 provider has at the least, to take addresses from at will.
_IPV6_CUSTOMER_BITS = 64


def client_address(request: HttpRequest) -> str:
    """The address that the outermost of our own proxies saw; without any, the one that is connected to us.

    Each proxy appends whom it saw to X-Forwarded-For. So with n proxies of ours (TRUSTED_PROXIES) the n-th entry from
    the end is believed, and whatever a client wrote before it is not. A header with fewer entries did not come through
    all of them: nothing in it is believed.
    """
    # Servers join the lines of a header that comes more than once with commas, in order.
    return address_of(
        forwarded=request.META.get("HTTP_X_FORWARDED_FOR", ""), connected=request.META.get("REMOTE_ADDR", "")
    )


def client_network(request: HttpRequest) -> str:
    """What limits count by: an IPv4 address, or an IPv6 customer's whole network."""
    return network_of(client_address(request))


def address_of(*, forwarded: str, connected: str) -> str:
    """The same, of a request that is none of Django's: its X-Forwarded-For, and who is connected to us."""
    address = _read(_forwarded(forwarded)) or _read(connected)
    return str(address) if address else UNKNOWN


def network_of(text: str) -> str:
    """The network of an address that `address_of` found."""
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

    The port is left out: a client has sixty thousand of them.
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
