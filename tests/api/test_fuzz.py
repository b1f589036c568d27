"""The API behaves as its schema says: answers to generated valid and invalid requests are documented."""

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
    # Replaces generated wallet ids by existing ones; otherwise nearly every answer would be "not found".
    name_existing(case.path_parameters, wallet_id=alice.wallet.pk)
    name_existing(case.body, source=alice.wallet.pk, destination=bob.wallet.pk)
    headers = {"Authorization": f"Bearer {alice.api.token}", "Accept-Encoding": "identity"}
    # A valid request may still break a rule about money, which a schema cannot express.
    excluded: list[Any] = [positive_data_acceptance]
    if case.path.endswith("/bulk"):
        # In a bulk request, a malformed item gets a result with an error, and the answer is still 202.
        excluded.append(negative_data_rejection)
    case.call_and_validate(headers=headers, excluded_checks=excluded)
