"""Groups give rights, so only superusers change them, and say why."""

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client

from tests.pages.kit import text_of
from tests.staff import browser_of
from wallets.models import User

GROUPS = "/admin/auth/group/"
GROUP_RIGHTS = ["view_group", "add_group", "change_group", "delete_group"]


@pytest.fixture
def cashiers(db: None) -> Group:
    return Group.objects.create(name="Cashiers")


def _granted(group: Group) -> list[str]:
    return list(group.permissions.values_list("codename", flat=True))


def _grant(client: Client, group: Group, **words: str) -> int:
    right = Permission.objects.get(codename="approve_money")
    return client.post(
        f"{GROUPS}{group.pk}/change/", {"name": group.name, "permissions": [right.pk]} | words
    ).status_code


def test_a_superuser_changes_a_group_on_record(superuser: Client, cashiers: Group) -> None:
    assert _grant(superuser, cashiers, reason="They replace Dora.") == 302

    assert _granted(cashiers) == ["approve_money"]
    assert LogEntry.objects.get().change_message == "Changed permissions: They replace Dora."
    assert "They replace Dora." in text_of(superuser.get(f"{GROUPS}{cashiers.pk}/history/"))


def test_nobody_changes_a_group_without_a_reason(superuser: Client, cashiers: Group) -> None:
    assert _grant(superuser, cashiers) == 200
    assert superuser.post(f"{GROUPS}add/", {"name": "Clerks"}).status_code == 200

    assert _granted(cashiers) == []
    assert Group.objects.get() == cashiers


def test_staff_give_their_own_group_no_rights(staff_create: Callable[..., User], cashiers: Group) -> None:
    clerk = staff_create("clerk", *GROUP_RIGHTS)
    clerk.groups.add(cashiers)
    browser = browser_of(clerk)

    assert browser.get(f"{GROUPS}{cashiers.pk}/change/").status_code == 200
    assert _grant(browser, cashiers, reason="I need it.") == 403
    assert browser.post(f"{GROUPS}add/", {"name": "Clerks", "reason": "x"}).status_code == 403

    assert _granted(cashiers) == []


def test_nobody_deletes_a_group(superuser: Client, cashiers: Group) -> None:
    assert superuser.post(f"{GROUPS}{cashiers.pk}/delete/", {"post": "yes"}).status_code == 403
    selected = {"action": "delete_selected", "_selected_action": [cashiers.pk], "post": "yes"}
    superuser.post(GROUPS, selected)

    assert Group.objects.get() == cashiers
