"""What the site's process may not do, and which callers may act for a user at the service."""

import os
import subprocess
import sys

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from pytest_django import Settings

from notifications.models import Mail
from tests.api.client import Person
from tests.rpc.caller import Refusal
from tests.rpc.server import GrpcServer
from tests.settlement.waiting import wait_until
from tests.wallet_service.asserted import asserted, call_send
from tests.wallet_service.site import KEY, role_url
from transactions.rpc.internal import CHECK, METHODS, SERVICE
from wallet_project.embedded import WEB_ROLE
from wallet_proto.internal.v1 import internal_pb2 as pb
from wallets.auth.wallet_service.assertions import NOBODY
from wallets.models import User
from wallets.tokens.services import token_issue

READ_WALLETS = f"{SERVICE}/ReadWallets"
#: The tables of the ledger, and those of wallets, of node leases and of used nonces.
_LEDGER = r"^(transactions_.*|wallets_wallet.*|wallets_nodelease|wallets_usednonce)$"
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
        cursor.execute(_RIGHTS_SQL, {"role": WEB_ROLE, "ledger": _LEDGER})
        rights = dict(cursor.fetchall())
    assert {"transactions_transaction", "transactions_entry", "transactions_job"} <= rights.keys()
    assert {"wallets_wallet", "wallets_usednonce"} <= rights.keys()
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
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [WEB_ROLE])
        (connections,) = cursor.fetchone()
    assert connections >= 1


def test_the_role_queues_mails_and_reads_none(alice: Person) -> None:
    environment = {"DATABASE_URL": role_url(), "DJANGO_SETTINGS_MODULE": "tests.mail.queue_settings"}
    queued = [sys.executable, "manage.py", "sendtestemail", "alice@example.com"]
    subprocess.run(queued, cwd=settings.BASE_DIR, env=os.environ | environment, check=True, timeout=60)

    (mail,) = Mail.objects.all()
    assert mail.recipients == ["alice@example.com"]
    with psycopg.connect(role_url(), autocommit=True) as direct:
        for forbidden in (
            "SELECT content FROM notifications_mail",
            "UPDATE notifications_mail SET recipients = '{bob@example.com}'",
            "DELETE FROM notifications_mail",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                direct.execute(forbidden)


def test_a_request_has_the_same_id_at_the_site_and_at_the_service(alice: Person, service: GrpcServer) -> None:
    request_id = f"asked-by-{alice.wallet.pk}"
    assert alice.api.get(alice.wallet_path, X_Request_ID=request_id).status_code == 200
    wait_until(lambda: f'"request_id": "{request_id}"' in service.output(), what="the service has logged it")


def wallets_read(service: GrpcServer, authorization: str) -> pb.ReadWalletsResponse | Refusal:
    answer = call_send(service, READ_WALLETS, pb.ReadWalletsRequest(), authorization)
    return answer if isinstance(answer, Refusal) else pb.ReadWalletsResponse.FromString(answer)


@pytest.mark.usefixtures("_shared_key")
def test_the_service_acts_for_the_user_whom_the_site_names(service: GrpcServer, alice: Person) -> None:
    answer = wallets_read(service, asserted(alice.user, READ_WALLETS, pb.ReadWalletsRequest()))
    assert isinstance(answer, pb.ReadWalletsResponse)
    assert [wallet.id for wallet in answer.wallets] == [str(alice.wallet.pk)]


@pytest.mark.usefixtures("_shared_key")
def test_the_site_cannot_act_for_a_deactivated_or_unknown_user(service: GrpcServer, alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_active=False)
    for user in (alice.user, User(pk=alice.user.pk + 1_000), User(pk=NOBODY)):
        answer = wallets_read(service, asserted(user, READ_WALLETS, pb.ReadWalletsRequest()))
        assert isinstance(answer, Refusal)
        assert answer.code == "not_authenticated"


def test_a_users_token_cannot_call_internal_methods(service: GrpcServer, alice: Person) -> None:
    _, secret = token_issue(user=alice.user, name="test")
    answer = wallets_read(service, f"Bearer {secret}")
    assert isinstance(answer, Refusal)
    assert answer.code == "permission_denied"


def test_every_internal_method_of_the_contract_is_implemented() -> None:
    methods = pb.DESCRIPTOR.services_by_name[SERVICE.rpartition(".")[2]].methods_by_name
    implemented = {name: method.request.DESCRIPTOR.name for name, method in METHODS.items()}
    assert implemented | {CHECK: "CheckAssertionRequest"} == {
        name: method.input_type.name for name, method in methods.items()
    }
