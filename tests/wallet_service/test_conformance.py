"""The conformance cases of transfers and of ceilings, over the REST of a process that uses a wallet service."""

from functools import partial

import pytest

from tests.conformance.channels import Channel, Rest, RestBulk

# Imported so that pytest runs them here.
from tests.conformance.test_ceilings import (  # noqa: F401
    test_a_replay_is_answered_and_counts_once,
    test_a_token_that_may_only_read_moves_nothing,
    test_a_token_with_ceilings_pays_in_no_other_currency,
    test_all_payments_of_a_day_stay_within_the_ceiling,
    test_no_payment_exceeds_the_ceiling_per_payment,
)
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
