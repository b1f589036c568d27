"""The conformance cases of transfers, over the REST of a process that uses a wallet service."""

from functools import partial

import pytest

from tests.conformance.channels import Channel, Rest, RestBulk

# Imported so that pytest runs them here.
from tests.conformance.test_transfers import (  # noqa: F401
    test_every_channel_gives_the_same_outcome,
    test_every_channel_names_the_same_mistakes,
)
from tests.wallet_service.site import Site, Visitor


@pytest.fixture
def every_channel(site: Site) -> list[Channel]:
    client = partial(Visitor, site.port)
    return [
        Rest("REST v1", "/transfers", is_asynchronous=False, client=client),
        Rest("REST v2", "/api/v2/transfers", is_asynchronous=True, client=client),
        RestBulk(client=client),
    ]
