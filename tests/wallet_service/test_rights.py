"""What the site's process may not do, and which callers may act for a user at the service."""

from datetime import timedelta

import grpc
import psycopg
import pytest
import time_machine
from django.core import signing
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from tests.api.client import Person
from tests.rpc.caller import Refusal, refusal_of
from tests.rpc.server import GrpcServer
from tests.settlement.waiting import wait_until
from tests.wallet_service.site import KEY, ROLE, role_url
from transactions.rpc.handling import Arrival, call_answer
from transactions.rpc.internal import METHODS, SERVICE
from transactions.rpc.methods import METHODS as PUBLIC_METHODS
from wallet_proto.internal.v1 import internal_pb2 as pb
from wallets.auth.assertions import AGE_MAX, assertion_make, assertion_read
from wallets.models import User
from wallets.services import token_issue

#: The tables of the ledger, and those of wallets and of node leases.
_LEDGER = r"^(transactions_.*|wallets_wallet.*|wallets_nodelease)$"
_RIGHTS_SQL = """
SELECT relname, has_any_column_privilege(%(role)s, oid, 'SELECT, INSERT, UPDATE, REFERENCES')
    OR has_table_privilege(%(role)s, oid, 'DELETE, TRUNCATE, TRIGGER')
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND relname ~ %(ledger)s
"""


@pytest.fixture
def _shared_key(settings: Settings) -> None:
    settings.WALLET_SERVICE_KEY = KEY


def test_the_role_has_no_rights_on_the_tables_of_the_ledger(alice: Person) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RIGHTS_SQL, {"role": ROLE, "ledger": _LEDGER})
        rights = dict(cursor.fetchall())
    assert {"transactions_transaction", "transactions_entry", "transactions_job", "wallets_wallet"} <= rights.keys()
    assert not any(rights.values()), rights
    with psycopg.connect(role_url(), autocommit=True) as direct:
        for table in rights:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                direct.execute(f"SELECT FROM {table} LIMIT 1")


@pytest.mark.parametrize(
    "statement", ["UPDATE wallets_securityevent SET detail = '{}'", "DELETE FROM wallets_securityevent"]
)
def test_the_role_adds_to_the_security_log_and_changes_nothing_in_it(alice: Person, statement: str) -> None:
    with psycopg.connect(role_url(), autocommit=True) as direct:
        direct.execute(
            "INSERT INTO wallets_securityevent (user_id, kind, channel, user_agent, detail) "
            "VALUES (%s, 'signed_in', 'page', '', '{}')",
            [alice.user.pk],
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            direct.execute(statement)


def test_the_site_works_under_this_role(alice: Person) -> None:
    assert alice.api.post(f"{alice.wallet_path}/deposits", {"amount": 100}).status_code == 201
    assert alice.balance() == 100
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [ROLE])
        (connections,) = cursor.fetchone()
    assert connections >= 1


@pytest.mark.usefixtures("_shared_key")
def test_an_assertion_is_valid_for_a_minute() -> None:
    assertion = assertion_make(user_id=7)
    assert assertion_read(assertion) == 7
    with time_machine.travel(timezone.now() + AGE_MAX + timedelta(seconds=2)):
        assert assertion_read(assertion) is None


@pytest.mark.usefixtures("_shared_key")
def test_an_assertion_needs_the_right_key_and_purpose(settings: Settings) -> None:
    # Other values that are signed with the same key are not assertions.
    assert assertion_read(signing.TimestampSigner(key=KEY).sign("7")) is None
    settings.WALLET_SERVICE_KEY = "another key"
    foreign = assertion_make(user_id=7)
    settings.WALLET_SERVICE_KEY = KEY
    assert assertion_read(foreign) is None
    assert assertion_read(assertion_make(user_id=7).replace("7:", "8:", 1)) is None
    assert assertion_read("7") is None


def test_without_a_key_there_are_no_assertions(settings: Settings) -> None:
    settings.WALLET_SERVICE_KEY = ""
    assert assertion_read(assertion_make(user_id=7)) is None


def test_a_request_has_the_same_id_at_the_site_and_at_the_service(alice: Person, service: GrpcServer) -> None:
    request_id = f"asked-by-{alice.wallet.pk}"
    assert alice.api.get(alice.wallet_path, X_Request_ID=request_id).status_code == 200
    wait_until(lambda: f'"request_id": "{request_id}"' in service.output(), what="the service has logged it")


def wallets_read(service: GrpcServer, authorization: str) -> pb.ReadWalletsResponse | Refusal:
    with service.channel() as channel:
        method = channel.unary_unary(
            f"/{SERVICE}/ReadWallets",
            request_serializer=pb.ReadWalletsRequest.SerializeToString,
            response_deserializer=pb.ReadWalletsResponse.FromString,
        )
        try:
            return method(pb.ReadWalletsRequest(), timeout=20, metadata=(("authorization", authorization),))
        except grpc.RpcError as error:
            return refusal_of(error)


@pytest.mark.usefixtures("_shared_key")
def test_the_service_acts_for_the_user_whom_the_site_names(service: GrpcServer, alice: Person) -> None:
    answer = wallets_read(service, f"Service {assertion_make(user_id=alice.user.pk)}")
    assert isinstance(answer, pb.ReadWalletsResponse)
    assert [wallet.id for wallet in answer.wallets] == [str(alice.wallet.pk)]


@pytest.mark.usefixtures("_shared_key")
def test_the_site_cannot_act_for_a_deactivated_or_unknown_user(service: GrpcServer, alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_active=False)
    for user_id in (alice.user.pk, alice.user.pk + 1_000):
        answer = wallets_read(service, f"Service {assertion_make(user_id=user_id)}")
        assert isinstance(answer, Refusal)
        assert answer.code == "not_authenticated"


def test_a_users_token_cannot_call_internal_methods(service: GrpcServer, alice: Person) -> None:
    _, secret = token_issue(user=alice.user, name="test")
    answer = wallets_read(service, f"Bearer {secret}")
    assert isinstance(answer, Refusal)
    assert answer.code == "permission_denied"


@pytest.mark.usefixtures("_shared_key")
def test_calls_of_the_site_are_not_limited_a_second_time(alice: Person, settings: Settings) -> None:
    settings.THROTTLE_ENABLED, settings.THROTTLE_SCALE = True, 0.0  # every quota is one unit
    _, secret = token_issue(user=alice.user, name="test")

    def answered(authorization: str) -> bool:
        arrival = Arrival(
            method="ListWallets",
            body=b"",
            authorization=authorization,
            request_id="",
            network="127.0.0.1",
            deadline_s=None,
        )
        return call_answer(PUBLIC_METHODS["ListWallets"], arrival).status is None

    assert [answered(f"Service {assertion_make(user_id=alice.user.pk)}") for _ in range(3)] == [True] * 3
    assert [answered(f"Bearer {secret}") for _ in range(2)] == [True, False]


def test_every_internal_method_of_the_contract_is_implemented() -> None:
    methods = pb.DESCRIPTOR.services_by_name[SERVICE.rpartition(".")[2]].methods_by_name
    assert {name: method.request.DESCRIPTOR.name for name, method in METHODS.items()} == {
        name: method.input_type.name for name, method in methods.items()
    }
