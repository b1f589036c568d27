"""Pages about passkeys: allauth's, with our forms and checks."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.account.utils import passthrough_next_redirect_url
from allauth.mfa.base import views as base_views
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import views as totp_views
from allauth.mfa.webauthn import views as allauth_views
from allauth.mfa.webauthn.internal import auth
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from django.views.generic.edit import FormView

from wallets.auth.passkeys.changes import passkey_add, passkey_remove, passkeys_are_full, passkeys_exist
from wallets.auth.passkeys.checks import PasskeyRefusedError, passkey_options_new
from wallets.auth.passkeys.site import passkey_site

_APP = "allauth.mfa"


class AddView(allauth_views.AddWebAuthnView):  # type: ignore[misc]  # allauth is untyped
    """Makes a passkey. Not where the browser would refuse to, nor if the user has many already."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        site = passkey_site()
        if request.user.is_authenticated and (site is None or not site.is_at(request)):
            return redirect("mfa_index")
        if request.user.is_authenticated and passkeys_are_full(user=request.user):
            messages.error(request, "You have as many passkeys as an account can have. Remove one first.")
            return redirect("mfa_index")
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        # allauth's makes the form anew, which would use up the challenge again.
        return FormView.get_context_data(self, **kwargs) | {"options": passkey_options_new(user=self.request.user)}

    def form_valid(self, form: Any) -> HttpResponse:
        raise_if_reauthentication_required(self.request, app=_APP)
        try:
            self.did_generate_recovery_codes = passkey_add(
                request=self.request,
                user=self.request.user,
                name=form.cleaned_data["name"],
                credential=form.cleaned_data["credential"],
            )
        except PasskeyRefusedError:
            return redirect("mfa_index")
        messages.success(self.request, "Your passkey was added. You can log in with it from now on.")
        return redirect(self.get_success_url())


class EditView(allauth_views.EditWebAuthnView):  # type: ignore[misc]
    """Renames a passkey."""

    success_url = reverse_lazy("mfa_index")


class RemoveView(allauth_views.RemoveWebAuthnView):  # type: ignore[misc]
    """Removes a passkey."""

    success_url = reverse_lazy("mfa_index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        others = Authenticator.objects.filter(user=self.request.user).exclude(pk=self.object.pk)
        return context | {"is_last": not others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()}

    def form_valid(self, form: Any) -> HttpResponse:  # noqa: ARG002 - Django's signature
        raise_if_reauthentication_required(self.request, app=_APP)
        url = self.get_success_url()
        passkey_remove(request=self.request, factor=self.object)
        messages.success(self.request, "The passkey was removed. You can also delete it from your device.")
        return redirect(url)


class DeactivateTOTPView(totp_views.DeactivateTOTPView):  # type: ignore[misc]
    """allauth's page, which here says what remains without the app."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"has_passkeys": passkeys_exist(user=self.request.user)}


class LoginView(allauth_views.LoginWebAuthnView):  # type: ignore[misc]
    """Signs in with a passkey alone. The first POST asks for a challenge, the second brings the answer to it.

    The challenge names no passkeys: the browser offers those that it has, so nobody learns who has an account.
    """

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        return redirect("account_login")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "credential" in request.POST:
            response: HttpResponse = super().post(request, *args, **kwargs)
            return response
        return JsonResponse(auth.begin_authentication(user=None))

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        # As after the password: the login ends with the browser, unless the user wants to stay logged in.
        is_remembered = self.request.POST.get("remember") == "on"
        self.request.session.set_expiry(settings.SESSION_COOKIE_AGE if is_remembered else 0)
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        for message in form.errors.get("credential", []):
            get_adapter().add_message(self.request, messages.ERROR, message=message)
        return redirect(passthrough_next_redirect_url(self.request, reverse("account_login"), REDIRECT_FIELD_NAME))


class AuthenticateView(base_views.AuthenticateView):  # type: ignore[misc]
    """Asks for a second factor after the password; for a passkey only if the user has one and it works here."""

    webauthn_form: Any

    def _build_forms(self) -> Any:
        posted = super()._build_forms()
        site, user = passkey_site(), self.stage.login.user
        is_offered = site is not None and site.is_at(self.request) and passkeys_exist(user=user)
        if not is_offered and posted is not self.webauthn_form:
            # Without this form, allauth makes no challenge.
            self.webauthn_form = None
        return posted


class ReauthenticateView(allauth_views.ReauthenticateWebAuthnView):  # type: ignore[misc]
    """Asks for a passkey again before a sensitive action."""

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = self.render_to_response(self.get_context_data(form=form))
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        form.save()
        # Beyond allauth's own, which would record the use a second time.
        response: HttpResponse = super(allauth_views.ReauthenticateWebAuthnView, self).form_valid(form)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        # allauth's makes the form anew, which would use up the challenge again.
        context: dict[str, Any] = super(allauth_views.ReauthenticateWebAuthnView, self).get_context_data(**kwargs)
        return context | {"options": auth.begin_authentication(self.request.user)}
