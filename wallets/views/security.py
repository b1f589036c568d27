"""The pages about an account's security: what happened to it, and locking it."""

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from wallets.auth.locking import account_is_locked, account_lock, lock_link_read
from wallets.pages import PersonRequest, page
from wallets.selectors import security_event_list

GONE = 410
#: Digits of a 64-bit id.
_ID_DIGITS_MAX = 18


@require_safe
@page
def security_page(request: PersonRequest) -> HttpResponse:
    """What happened to the account, newest first, page by page."""
    before = request.GET.get("before", "")
    is_id = before.isascii() and before.isdecimal() and len(before) <= _ID_DIGITS_MAX
    events, older = security_event_list(owner=request.user, before=int(before) if is_id else None)
    return render(request, "wallets/security.html", {"events": events, "older": older, "is_first": not is_id})


@require_http_methods(["GET", "HEAD", "POST"])
@page
def lock_page(request: PersonRequest) -> HttpResponse:
    """Locks the account of the user who asks for it. It asks for no password: locking must be quick, and gives whoever
    does it nothing."""
    if request.method != "POST":
        return render(request, "wallets/lock.html")
    account_lock(user_id=request.user.pk, via="page")
    logout(request)
    return redirect("account_locked")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def lock_by_link_page(request: HttpRequest, key: str) -> HttpResponse:
    """Locks the account that the mailed link belongs to. Opening it only asks, because mail scanners open links."""
    user_id = lock_link_read(key)
    if user_id is None:
        return render(request, "wallets/lock_by_link.html", {"is_valid": False}, status=GONE)
    if account_is_locked(user_id=user_id):
        return redirect("account_locked")
    if request.method != "POST":
        return render(request, "wallets/lock_by_link.html", {"is_valid": True})
    account_lock(user_id=user_id, via="link")
    if request.user.is_authenticated and request.user.pk == user_id:
        logout(request)
    return redirect("account_locked")


@require_safe
def locked_page(request: HttpRequest) -> HttpResponse:
    """What a lock means, and how to end it. It says nothing about any account."""
    return render(request, "wallets/locked.html")
