"""Where a request came from, as the security log and the list of sessions keep it."""

from typing import TypedDict

from django.http import HttpRequest

from kit.limits.addresses import client_address

USER_AGENT_LENGTH_MAX = 200


class Origin(TypedDict):
    """The client's address and browser."""

    address: str | None
    user_agent: str


def origin_of(request: HttpRequest) -> Origin:
    """Where this request came from. Whoever sends it chooses the user agent."""
    # Postgres stores no NUL, which some servers let through in a header.
    agent = request.headers.get("User-Agent", "").replace("\0", "")[:USER_AGENT_LENGTH_MAX]
    return {"address": client_address(request), "user_agent": agent}
