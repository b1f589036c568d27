"""The schema and the API say the same: generated requests, right and wrong ones, against what is documented."""

import re
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.api.client import Person
from wallet_project.wsgi import application

schema = schemathesis.openapi.from_wsgi("/api/schema", application)
ID = re.compile(r"[1-9][0-9]{0,18}")


def name_existing(parameters: object, **ids: int) -> None:
    if not isinstance(parameters, dict):
        return
    for name, number in ids.items():
        if ID.fullmatch(str(parameters.get(name, ""))):
            parameters[name] = str(number)


@schema.parametrize()
@settings(max_examples=10, derandomize=True, suppress_health_check=list(HealthCheck))
def test_generated_requests_get_documented_answers(
    case: schemathesis.Case[Any], alice: Person, bob: Person, wsgi: object
) -> None:
    alice.deposit(1_000)
    # Wallets that exist, where any was named: with made-up ones next to nothing would get past "not found".
    name_existing(case.path_parameters, wallet_id=alice.wallet.pk)
    name_existing(case.body, source=alice.wallet.pk, destination=bob.wallet.pk)
    headers = {"Authorization": f"Bearer {alice.api.token}", "Accept-Encoding": "identity"}
    # A request that is right in itself may still break a rule about money, which no schema can tell.
    excluded: list[Any] = [positive_data_acceptance]
    if case.path.endswith("/bulk"):
        # Its items are judged one by one: a malformed one gets its own result, and the answer is 202 all the same.
        excluded.append(negative_data_rejection)
    case.call_and_validate(headers=headers, excluded_checks=excluded)
