"""The dead-letter desk and the queue: what staff see, and that seeing changes nothing."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.admin.desk import DESK, QUEUE, TRAIL, dry_run_url, everything, letter_url, settle_url
from tests.audit.books import Books
from tests.dead_letter_desk.letters import dead_make, pending_make
from transactions.models import DeadLetterAction, Job, Transaction
from wallets.models import User
from wallets.services import user_register, wallet_freeze

#: The session, the user, the rows, and whether the user has a password to change; above the queue its overview.
QUERIES_MAX = 5


@pytest.fixture
def dead(books: Books, alice: User) -> Transaction:
    """10.00 from Alice to Bob, which met a fault too often."""
    return dead_make(alice, "bob", memo="for the theatre")


def _found(client: Client, path: str, term: str) -> list[int]:
    response = client.get(path, {"q": term})
    assert response.status_code == 200
    return [job.transaction_id for job in response.context["cl"].result_list]


def test_the_list_shows_who_wanted_to_pay_whom_and_why_it_did_not_work(desk: Client, dead: Transaction) -> None:
    page = desk.get(DESK).content.decode()

    for told in (str(dead.id), "alice USD", "bob USD", "$10.00", "do not continue its chain", "3 h"):
        assert told in page


def test_the_list_shows_the_longest_waiting_first_and_nothing_that_is_not_dead(
    desk: Client, dead: Transaction, alice: User
) -> None:
    pending_make(alice, "bob")
    later = dead_make(alice, "charlie")

    assert [letter.transaction_id for letter in desk.get(DESK).context["cl"].result_list] == [dead.id, later.id]


@pytest.mark.parametrize("path", [DESK, QUEUE, TRAIL])
def test_a_list_asks_as_much_for_one_row_as_for_many(desk: Client, dead: Transaction, alice: User, path: str) -> None:
    pending_make(alice, "bob")
    desk.post(settle_url("fail", dead_make(alice, "bob")), {"note": "First"})
    desk.get(path)
    with CaptureQueriesContext(connection) as few:
        desk.get(path)
    for number in range(6):
        user_register(username=f"p{number}", email=f"p{number}@example.com", password="x")
        dead_make(alice, f"p{number}", amount=1)
        pending_make(alice, f"p{number}", amount=1)
        desk.post(settle_url("fail", dead_make(alice, f"p{number}", amount=1)), {"note": "More"})
    desk.get(path)

    with CaptureQueriesContext(connection) as many:
        desk.get(path)

    assert len(many) == len(few) <= QUERIES_MAX


def test_a_search_is_a_fixed_number_of_queries(desk: Client, dead: Transaction) -> None:
    for term in (str(dead.id), "alice"):
        with CaptureQueriesContext(connection) as queries:
            assert _found(desk, DESK, term) == [dead.id]

        assert len(queries) <= QUERIES_MAX


def test_dead_letters_are_found_by_transaction_and_by_either_side(
    desk: Client, dead: Transaction, charlie: User
) -> None:
    for term in (str(dead.id), "alice", "BOB", "bob@ex", f" {dead.id} "):
        assert _found(desk, DESK, term) == [dead.id]
    for term in ("charlie", "lice", str(dead.id + 1)):
        assert _found(desk, DESK, term) == []


@pytest.mark.parametrize("path", [DESK, QUEUE, TRAIL])
@pytest.mark.parametrize("term", ["\0", "9" * 30, "-1", "%", "'; --", "٣", " "])
def test_an_odd_search_does_no_harm(desk: Client, dead: Transaction, path: str, term: str) -> None:
    assert desk.get(path, {"q": term}).status_code == 200


def test_the_page_of_one_tellseverything(desk: Client, dead: Transaction) -> None:
    page = desk.get(letter_url(dead)).content.decode()

    for told in (str(dead.id), "alice USD", "bob USD", "$10.00", "for the theatre", "CONTEXT: a guard"):
        assert told in page
    for link in (settle_url("replay", dead), settle_url("fail", dead), dry_run_url(dead)):
        assert f'href="{link}"' in page


def test_a_fault_is_shown_as_text(desk: Client, books: Books, alice: User) -> None:
    evil = dead_make(alice, "bob", fault="<script>alert(1)</script>")

    for path in (DESK, letter_url(evil), settle_url("replay", evil)):
        page = desk.get(path).content.decode()
        assert "<script>alert(1)" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_no_page_of_the_desk_carries_a_style_or_a_script_of_its_own(desk: Client, dead: Transaction) -> None:
    for path in (DESK, QUEUE, TRAIL, letter_url(dead), settle_url("fail", dead), dry_run_url(dead)):
        page = desk.get(path).content.decode()
        for forbidden in (" style=", "<style", "onclick=", "<script>"):
            assert forbidden not in page, path


def test_a_dry_run_says_what_would_happen_and_changes_nothing(desk: Client, books: Books, dead: Transaction) -> None:
    before = everything()
    assert "It would be posted." in desk.get(dry_run_url(dead)).content.decode()
    assert everything() == before

    wallet_freeze(wallet_id=books.alice, actor=User.objects.get(username="root"), reason="Stolen phone")
    before = everything()
    assert "It would fail: The source wallet is frozen." in desk.get(dry_run_url(dead)).content.decode()
    assert everything() == before


def test_a_dry_run_of_what_is_dead_no_more_leads_back_to_the_list(desk: Client, dead: Transaction) -> None:
    desk.post(settle_url("replay", dead))

    answer = desk.get(dry_run_url(dead), follow=True)

    assert answer.wsgi_request.path == DESK
    assert "is no longer a dead letter" in answer.content.decode()


def test_the_trail_is_shown_and_changed_by_nobody(desk: Client, dead: Transaction) -> None:
    desk.post(settle_url("replay", dead), {"note": "Once more"})
    action = DeadLetterAction.objects.get()
    page_url = f"{TRAIL}{action.pk}/change/"

    for path in (TRAIL, page_url):
        page = desk.get(path).content.decode()
        assert "Once more" in page
        assert "root" in page
    assert desk.get(f"{TRAIL}add/").status_code == 403
    assert desk.post(page_url, {"note": "Never"}).status_code == 403
    assert desk.post(f"{TRAIL}{action.pk}/delete/", {"post": "yes"}).status_code == 403
    for term in (str(dead.id), "root"):
        assert [row.pk for row in desk.get(TRAIL, {"q": term}).context["cl"].result_list] == [action.pk]
    assert not desk.get(TRAIL, {"q": "alice"}).context["cl"].result_list


def test_what_was_done_before_is_on_the_page_of_one_that_died_again(desk: Client, dead: Transaction) -> None:
    desk.post(settle_url("replay", dead), {"note": "The disk was full"})
    Job.objects.update(dead_at=Transaction.objects.get(id=dead.id).created_at)

    assert "The disk was full" in desk.get(letter_url(dead)).content.decode()


@pytest.mark.parametrize("path", [DESK, QUEUE])
def test_jobs_are_added_changed_and_deleted_by_nobody(desk: Client, dead: Transaction, alice: User, path: str) -> None:
    pending = pending_make(alice, "bob")
    pk = Job.objects.get(transaction=dead if path == DESK else pending).pk
    before = everything()

    assert desk.get(f"{path}{pk}/change/").status_code == 200
    assert desk.get(f"{path}add/").status_code == 403
    assert desk.post(f"{path}{pk}/change/", {"attempts": "0", "dead_at": ""}).status_code == 403
    assert desk.post(f"{path}{pk}/delete/", {"post": "yes"}).status_code == 403
    desk.post(path, {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert everything() == before


def test_the_queue_shows_what_waits_and_for_how_long(desk: Client, dead: Transaction, alice: User, bob: User) -> None:
    waiting = [pending_make(alice, "bob"), pending_make(bob, "charlie", amount=1)]
    response = desk.get(QUEUE)

    overview = response.context["overview"]
    assert (overview["waiting"], overview["held_back"]) == (2, 0)
    assert [job.transaction_id for job in response.context["cl"].result_list] == [transfer.id for transfer in waiting]
    assert _found(desk, QUEUE, "bob") == [waiting[1].id]
    assert _found(desk, QUEUE, str(waiting[0].id)) == [waiting[0].id]
    assert str(dead.id) not in response.content.decode()


def test_an_empty_queue_says_so(desk: Client, books: Books) -> None:
    assert "No jobs are waiting." in desk.get(QUEUE).content.decode()
