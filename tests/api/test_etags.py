"""A client that has the current state gets 304. Other answers are compressed if the client accepts gzip."""

import gzip
import json
from typing import Any

import pytest
from django.http import HttpResponse
from prometheus_client import REGISTRY

from kit.http.bodies import PACK_FROM_BYTES, Body
from tests.api.client import Api, Person, assert_problem, json_of
from transactions.models import Transaction
from transactions.recipients import TransferRequest
from transactions.services import transfer_create
from wallets.services import wallet_freeze


@pytest.fixture
def busy(alice: Person, bob: Person) -> Person:
    """Alice with enough entries that a page of her history is compressed."""
    alice.deposit(5_000)
    for amount in range(1, 6):
        transfer_create(
            actor=alice.user,
            request=TransferRequest(source_id=alice.wallet.pk, recipient="bob", amount=amount, memo="Lunch"),
        )
    return alice


def paths_of(someone: Person) -> list[str]:
    newest = Transaction.objects.order_by("-id").values_list("id", flat=True)[0]
    return [
        "/me",
        "/wallets",
        someone.wallet_path,
        f"{someone.wallet_path}/transactions",
        f"{someone.wallet_path}/transactions?direction=out&until=2999-01-01T00:00:00Z",
        f"/transactions/{newest}",
        "/transactions?idempotency_key=none",
        f"/api/v2/transfers/{newest}",
    ]


def test_every_read_has_an_etag_and_answers_304_if_it_matches(busy: Person) -> None:
    for path in paths_of(busy):
        first = busy.api.get(path)
        assert first.status_code == 200, path
        assert first["ETag"].startswith('W/"')
        assert first["Cache-Control"] == "private, no-cache"
        assert {"Accept-Encoding", "Authorization", "Cookie"} <= set(first["Vary"].split(", "))

        second = busy.api.get(path, If_None_Match=first["ETag"])

        assert (second.status_code, second.content) == (304, b"")
        for header in ("ETag", "Cache-Control", "Vary"):
            assert second[header] == first[header]
        for header in ("Content-Type", "Content-Length", "Content-Encoding"):
            assert header not in second


def test_a_changed_object_is_sent_again(busy: Person, bob: Person) -> None:
    paths = ["/wallets", busy.wallet_path, f"{busy.wallet_path}/transactions"]
    known = {path: busy.api.get(path)["ETag"] for path in paths}

    busy.deposit(1)

    for path, etag in known.items():
        answer = busy.api.get(path, If_None_Match=etag)
        assert answer.status_code == 200
        assert answer["ETag"] != etag
    etag = busy.api.get(busy.wallet_path)["ETag"]
    wallet_freeze(wallet_id=busy.wallet.pk, actor=bob.user, reason="A test")
    assert json_of(busy.api.get(busy.wallet_path, If_None_Match=etag))["status"] == "frozen"


@pytest.mark.parametrize(
    ("header", "is_known"),
    [
        ("{weak}", True),
        ("{strong}", True),
        ('"other", {weak}', True),
        ('"other",{strong} , W/"more"', True),
        ("*", True),
        (" * ", True),
        ('"other"', False),
        ('W/"other", "more"', False),
        ("{bare}", False),
        ("", False),
        (",,,", False),
        ('"*"', False),
        ("{strong}x", False),
        ('"unfinished', False),
    ],
)  # fmt: skip
def test_etags_are_compared_weakly_and_come_in_lists(busy: Person, header: str, is_known: bool) -> None:
    weak = busy.api.get(busy.wallet_path)["ETag"]
    strong = weak.removeprefix("W/")
    sent = header.format(weak=weak, strong=strong, bare=strong.strip('"'))

    assert (busy.api.get(busy.wallet_path, If_None_Match=sent).status_code == 304) == is_known


def test_not_modified_answers_are_counted_by_route(busy: Person) -> None:
    labels = {"route": "/api/v1/wallets/<snowflake:wallet_id>"}
    before = REGISTRY.get_sample_value("wallet_not_modified_total", labels) or 0

    busy.api.get(busy.wallet_path, If_None_Match="*")

    assert REGISTRY.get_sample_value("wallet_not_modified_total", labels) == before + 1


def test_a_head_request_is_answered_like_a_get(busy: Person) -> None:
    path = f"/api/v1{busy.wallet_path}"
    headers = {"Authorization": f"Bearer {busy.api.token}"}
    whole = busy.api.client.get(path, headers=headers)

    head: Any = busy.api.client.head(path, headers=headers)
    known = busy.api.client.head(path, headers={**headers, "If-None-Match": whole["ETag"]})

    assert (head.status_code, head.content, head["ETag"]) == (200, b"", whole["ETag"])
    assert head["Content-Length"] == whole["Content-Length"]
    assert known.status_code == 304


def test_refusals_are_never_not_modified(busy: Person, bob: Person) -> None:
    for path, status in ((bob.wallet_path, 404), (f"{busy.wallet_path}/transactions?limit=0", 400)):
        answer = busy.api.get(path, If_None_Match="*")
        assert answer.status_code == status
        assert "ETag" not in answer
        assert answer["Cache-Control"] == "no-store"
    assert_problem(Api().get(busy.wallet_path, If_None_Match="*"), "not_authenticated", 401)


def test_a_request_that_moves_money_ignores_etags(busy: Person) -> None:
    etag = busy.api.get(busy.wallet_path)["ETag"]
    balance = busy.balance()

    answer = busy.api.post(f"{busy.wallet_path}/deposits", {"amount": 5}, If_None_Match=etag)

    assert answer.status_code == 201
    assert busy.balance() == balance + 5


def history(someone: Person, accepted: str | None) -> HttpResponse:
    headers = {} if accepted is None else {"Accept_Encoding": accepted}
    return someone.api.get(f"{someone.wallet_path}/transactions", None, **headers)


@pytest.mark.parametrize(
    "accepted",
    ["gzip", "GZip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8, *;q=0.1", "*", "x-gzip", "gzip;q=0.5, identity;q=0.5",
     "gzip ; q=1", "identity;q=0, *"],
)  # fmt: skip
def test_a_body_is_compressed_for_clients_that_accept_gzip(busy: Person, accepted: str) -> None:
    plain, packed = history(busy, None), history(busy, accepted)

    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 2
    assert packed["ETag"] == plain["ETag"]
    assert packed["Content-Length"] == str(len(packed.content))


@pytest.mark.parametrize(
    "accepted",
    [None, "", "identity", "br", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *", "gzip;q=0.1, identity;q=0.9",
     "gzip;q=none", "gzipped", ";;;", "gzip;q=nan"],
)  # fmt: skip
def test_a_body_is_not_compressed_for_other_clients(busy: Person, accepted: str | None) -> None:
    answer = history(busy, accepted)

    assert "Content-Encoding" not in answer
    assert json.loads(answer.content)["results"]
    assert "Accept-Encoding" in answer["Vary"]


def test_a_tiny_body_is_not_compressed(busy: Person) -> None:
    answers = [busy.api.get(path, Accept_Encoding="gzip") for path in (busy.wallet_path, paths_of(busy)[5])]

    for answer in answers:
        assert "Content-Encoding" not in answer
        assert "Accept-Encoding" in answer["Vary"]
    # Django would compress from 200 bytes on.
    assert any(200 < len(answer.content) < PACK_FROM_BYTES for answer in answers)


def test_other_long_answers_are_compressed_too(busy: Person) -> None:
    schema = busy.api.get("/api/schema", Accept_Encoding="gzip")
    assert schema["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in busy.api.get("/api/schema", Accept_Encoding="gzip;q=0")


def test_a_cached_page_of_history_is_neither_rendered_nor_compressed_again(
    busy: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = history(busy, "gzip")

    def never(*_: object, **__: object) -> bytes:
        raise AssertionError("This was done before.")

    for made in ("entry_page", "json_bytes", "body_make"):
        monkeypatch.setattr(f"transactions.reads.{made}", never)
    monkeypatch.setattr(Body, "plain", never)

    assert history(busy, "gzip").content == first.content
