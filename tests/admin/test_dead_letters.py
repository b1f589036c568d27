"""The admin lists of dead letters and jobs: what staff see, and that viewing changes nothing."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.admin.urls import DEAD_LETTERS, JOBS, TRAIL, dry_run_url, everything, letter_url, settle_url
from tests.audit.books import Books
from tests.dead_letter_desk.letters import dead_make, pending_make
from transactions.models import DeadLetterAction, Job, Transaction
from wallets.models import User
from wallets.services import user_register, wallet_freeze

#: The session and the user (twice: the admin reads both from Postgres), their rights, the rows, whether there is a
#: password to change, and for jobs the overview.
QUERIES_MAX = 8


@pytest.fixture
def dead(books: Books, alice: User) -> Transaction:
    """A dead letter: 10.00 from Alice to Bob."""
    return dead_make(alice, "bob", memo="for the theatre")


def _found(client: Client, path: str, term: str) -> list[int]:
    response = client.get(path, {"q": term})
    assert response.status_code == 200
    return [job.transaction_id for job in response.context["cl"].result_list]


def test_the_list_shows_both_sides_the_amount_and_the_last_fault(superuser: Client, dead: Transaction) -> None:
    page = superuser.get(DEAD_LETTERS).content.decode()

    for expected in (str(dead.id), "alice USD", "bob USD", "$10.00", "do not continue its chain", "3 h"):
        assert expected in page


def test_the_list_shows_only_dead_letters_and_the_longest_waiting_first(
    superuser: Client, dead: Transaction, alice: User
) -> None:
    pending_make(alice, "bob")
    later = dead_make(alice, "charlie")

    assert [letter.transaction_id for letter in superuser.get(DEAD_LETTERS).context["cl"].result_list] == [
        dead.id,
        later.id,
    ]


@pytest.mark.parametrize("path", [DEAD_LETTERS, JOBS, TRAIL])
def test_a_list_makes_the_same_number_of_queries_for_one_row_as_for_many(
    superuser: Client, dead: Transaction, alice: User, path: str
) -> None:
    pending_make(alice, "bob")
    superuser.post(settle_url("fail", dead_make(alice, "bob")), {"note": "First"})
    superuser.get(path)
    with CaptureQueriesContext(connection) as few:
        superuser.get(path)
    for number in range(6):
        user_register(username=f"p{number}", email=f"p{number}@example.com", password="x")
        dead_make(alice, f"p{number}", amount=1)
        pending_make(alice, f"p{number}", amount=1)
        superuser.post(settle_url("fail", dead_make(alice, f"p{number}", amount=1)), {"note": "More"})
    superuser.get(path)

    with CaptureQueriesContext(connection) as many:
        superuser.get(path)

    assert len(many) == len(few) <= QUERIES_MAX


def test_a_search_makes_a_bounded_number_of_queries(superuser: Client, dead: Transaction) -> None:
    for term in (str(dead.id), "alice"):
        with CaptureQueriesContext(connection) as queries:
            assert _found(superuser, DEAD_LETTERS, term) == [dead.id]

        assert len(queries) <= QUERIES_MAX


def test_dead_letters_are_found_by_transaction_and_by_either_side(
    superuser: Client, dead: Transaction, charlie: User
) -> None:
    for term in (str(dead.id), "alice", "BOB", "bob@ex", f" {dead.id} "):
        assert _found(superuser, DEAD_LETTERS, term) == [dead.id]
    for term in ("charlie", "lice", str(dead.id + 1)):
        assert _found(superuser, DEAD_LETTERS, term) == []


@pytest.mark.parametrize("path", [DEAD_LETTERS, JOBS, TRAIL])
@pytest.mark.parametrize("term", ["\0", "9" * 30, "-1", "%", "'; --", "٣", " "])
def test_an_odd_search_term_is_no_error(superuser: Client, dead: Transaction, path: str, term: str) -> None:
    assert superuser.get(path, {"q": term}).status_code == 200


def test_the_page_of_a_dead_letter_shows_everything_about_it(superuser: Client, dead: Transaction) -> None:
    page = superuser.get(letter_url(dead)).content.decode()

    for expected in (str(dead.id), "alice USD", "bob USD", "$10.00", "for the theatre", "CONTEXT: a guard"):
        assert expected in page
    for link in (settle_url("replay", dead), settle_url("fail", dead), dry_run_url(dead)):
        assert f'href="{link}"' in page


def test_a_fault_is_shown_as_text(superuser: Client, books: Books, alice: User) -> None:
    evil = dead_make(alice, "bob", fault="<script>alert(1)</script>")

    for path in (DEAD_LETTERS, letter_url(evil), settle_url("replay", evil)):
        page = superuser.get(path).content.decode()
        assert "<script>alert(1)" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_no_page_contains_inline_styles_or_scripts(superuser: Client, dead: Transaction) -> None:
    for path in (DEAD_LETTERS, JOBS, TRAIL, letter_url(dead), settle_url("fail", dead), dry_run_url(dead)):
        page = superuser.get(path).content.decode()
        for forbidden in (" style=", "<style", "onclick=", "<script>"):
            assert forbidden not in page, path


def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    superuser: Client, books: Books, dead: Transaction
) -> None:
    before = everything()
    assert "It would be posted." in superuser.get(dry_run_url(dead)).content.decode()
    assert everything() == before

    wallet_freeze(wallet_id=books.alice, actor=User.objects.get(username="root"), reason="Stolen phone")
    before = everything()
    assert "It would fail: The source wallet is frozen." in superuser.get(dry_run_url(dead)).content.decode()
    assert everything() == before


def test_a_dry_run_of_a_replayed_transfer_redirects_to_the_list(superuser: Client, dead: Transaction) -> None:
    superuser.post(settle_url("replay", dead))

    answer = superuser.get(dry_run_url(dead), follow=True)

    assert answer.wsgi_request.path == DEAD_LETTERS
    assert "is no longer a dead letter" in answer.content.decode()


def test_the_audit_trail_is_shown_and_cannot_be_changed(superuser: Client, dead: Transaction) -> None:
    superuser.post(settle_url("replay", dead), {"note": "Once more"})
    action = DeadLetterAction.objects.get()
    page_url = f"{TRAIL}{action.pk}/change/"

    for path in (TRAIL, page_url):
        page = superuser.get(path).content.decode()
        assert "Once more" in page
        assert "root" in page
    assert superuser.get(f"{TRAIL}add/").status_code == 403
    assert superuser.post(page_url, {"note": "Never"}).status_code == 403
    assert superuser.post(f"{TRAIL}{action.pk}/delete/", {"post": "yes"}).status_code == 403
    for term in (str(dead.id), "root"):
        assert [row.pk for row in superuser.get(TRAIL, {"q": term}).context["cl"].result_list] == [action.pk]
    assert not superuser.get(TRAIL, {"q": "alice"}).context["cl"].result_list


def test_the_page_of_a_dead_letter_shows_earlier_actions_on_it(superuser: Client, dead: Transaction) -> None:
    superuser.post(settle_url("replay", dead), {"note": "The disk was full"})
    Job.objects.update(dead_at=Transaction.objects.get(id=dead.id).created_at)

    assert "The disk was full" in superuser.get(letter_url(dead)).content.decode()


@pytest.mark.parametrize("path", [DEAD_LETTERS, JOBS])
def test_jobs_cannot_be_added_changed_or_deleted(superuser: Client, dead: Transaction, alice: User, path: str) -> None:
    pending = pending_make(alice, "bob")
    pk = Job.objects.get(transaction=dead if path == DEAD_LETTERS else pending).pk
    before = everything()

    assert superuser.get(f"{path}{pk}/change/").status_code == 200
    assert superuser.get(f"{path}add/").status_code == 403
    assert superuser.post(f"{path}{pk}/change/", {"attempts": "0", "dead_at": ""}).status_code == 403
    assert superuser.post(f"{path}{pk}/delete/", {"post": "yes"}).status_code == 403
    superuser.post(path, {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert everything() == before


def test_the_list_of_jobs_shows_how_many_wait_and_hides_dead_letters(
    superuser: Client, dead: Transaction, alice: User, bob: User
) -> None:
    waiting = [pending_make(alice, "bob"), pending_make(bob, "charlie", amount=1)]
    response = superuser.get(JOBS)

    overview = response.context["overview"]
    assert (overview["waiting"], overview["held_back"]) == (2, 0)
    assert [job.transaction_id for job in response.context["cl"].result_list] == [transfer.id for transfer in waiting]
    assert _found(superuser, JOBS, "bob") == [waiting[1].id]
    assert _found(superuser, JOBS, str(waiting[0].id)) == [waiting[0].id]
    assert str(dead.id) not in response.content.decode()


def test_an_empty_list_of_jobs_says_so(superuser: Client, books: Books) -> None:
    assert "No jobs are waiting." in superuser.get(JOBS).content.decode()
