"""When a token was last used, written by a process whose role may not write tokens."""

from tests.api.client import Person
from tests.settlement.waiting import wait_until
from wallets.models import ApiToken


def test_a_web_process_writes_when_a_token_was_used(alice: Person) -> None:
    assert alice.api.get("/me").status_code == 200

    used = ApiToken.objects.filter(user=alice.user, last_used_at__isnull=False)
    wait_until(used.exists, what="the use is written")
    assert used.get().last_used_from == "127.0.0.1"
