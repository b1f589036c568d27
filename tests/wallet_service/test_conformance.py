"""The cases of every way to send a transfer, once more over REST of a process that keeps no books."""

from functools import partial

import pytest

from tests.conformance.channels import Channel, Rest, RestBulk

# Imported to be run here.
from tests.conformance.test_transfers import (  # noqa: F401
    test_every_channel_answers_alike,
    test_every_channel_names_the_same_mistakes,
)
from tests.wallet_service.site import Site, Visitor


@pytest.fixture
def every_channel(site: Site) -> list[Channel]:
    client = partial(Visitor, site.port)
    return [
        Rest("REST v1", "/transfers", settles_behind=False, client=client),
        Rest("REST v2", "/api/v2/transfers", settles_behind=True, client=client),
        RestBulk(client=client),
    ]
