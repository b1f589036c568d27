"""Who is at the other end of a call."""

from typing import Any
from urllib.parse import unquote

import grpc

from kit.limits.addresses import address_of, network_of


def peer_network(context: "grpc.aio.ServicerContext[Any, Any]") -> str:
    """The client's network, by which limits count. A repeated X-Forwarded-For is joined as HTTP joins it."""
    forwarded = ",".join(
        value
        for key, value in context.invocation_metadata() or ()
        if key == "x-forwarded-for" and isinstance(value, str)
    )
    # gRPC writes the address as ipv4:192.0.2.1:50000.
    return network_of(address_of(forwarded=forwarded, connected=unquote(context.peer()).partition(":")[2]))
