"""REST API for accounts, sign-in and wallets."""

from collections.abc import Mapping
from typing import ClassVar

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from kit.http.serializers import EmptySerializer
from wallets.api.base import ApiView
from wallets.api.schema import LOCATION, operation
from wallets.api.serializers import (
    LoginSerializer,
    RegisterSerializer,
    TokenDetailsSerializer,
    TokenSerializer,
    UserSerializer,
    WalletListSerializer,
    WalletOpenSerializer,
    WalletSerializer,
    wallet_view_body,
    wallet_view_data,
)
from wallets.auth.access import Bearer
from wallets.auth.adapters import session_end
from wallets.auth.sign_in import credentials_check
from wallets.auth.sign_up import account_register
from wallets.auth.tokens import api_sign_in, api_sign_out
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.mandates import Scope
from wallets.gateway import wallet_gateway
from wallets.limits import SIGN_IN, SIGN_UP
from wallets.selectors import account_get, token_get
from wallets.viewed import wallet_viewed
from wallets.warming import person_warm_up

PASSWORD_EXAMPLE = "seven quiet lanterns"  # noqa: S105 - an example of the schema


class RegisterView(ApiView):
    """Opens accounts, for anybody."""

    authentication_classes = ()
    permission_classes = ()
    writes = SIGN_UP

    @operation(
        name="auth_register",
        tag="Account",
        summary="Sign up",
        description=(
            "Creates an account with an empty USD wallet. The response contains no token: log in to get one. The "
            "email stays unused until its owner follows the link that is mailed to it. If another account uses it, the "
            "response is the same, and that account's owner gets a mail."
        ),
        request=RegisterSerializer,
        status=201,
        answer=UserSerializer,
        parameters=[LOCATION],
        examples={"Alice": {"username": "alice", "email": "alice@example.com", "password": PASSWORD_EXAMPLE}},
        is_public=True,
    )
    def post(self, request: Request) -> Response:
        user = account_register(request=request._request, **self.body(RegisterSerializer))  # noqa: SLF001 - DRF's way
        return Response(UserSerializer(user).data, status=201, headers={"Location": reverse("v1_me")})


class LoginView(ApiView):
    """Issues tokens. It reads and sets no cookie, so another site cannot use it to log a browser in."""

    authentication_classes = ()
    permission_classes = ()
    writes = SIGN_IN

    @operation(
        name="auth_login",
        tag="Account",
        summary="Log in",
        description=(
            "Returns a token to send as `Authorization: Bearer <token>`. An account with two-factor authentication "
            "also needs `otp`: without it, the response is 401 and `errors` names `otp`."
        ),
        request=LoginSerializer,
        answer=TokenSerializer,
        refusals=[ErrorCode.NOT_AUTHENTICATED],
        examples={"Alice": {"username": "alice", "password": PASSWORD_EXAMPLE}},
        is_public=True,
    )
    def post(self, request: Request) -> Response:  # noqa: ARG002
        user = credentials_check(**self.body(LoginSerializer))
        token, secret = api_sign_in(user=user)
        person_warm_up(user.pk)
        data = TokenSerializer({"token": secret, "expires_at": token.expiry}).data
        return Response(data, headers={"Cache-Control": "no-store"})


class LogoutView(ApiView):
    """Revokes the token of the request, or ends its session."""

    # Every token may end itself.
    scopes: ClassVar[Mapping[str, Scope]] = {"POST": Scope.READ}

    @operation(
        name="auth_logout",
        tag="Account",
        summary="Log out",
        description="Revokes the token of this request. In a browser, ends the session instead.",
        request=EmptySerializer,
        status=204,
    )
    def post(self, request: Request) -> Response:
        self.body(EmptySerializer)
        if isinstance(request.auth, Bearer):
            self._revoke(request.auth)
        else:
            session_end(request._request)  # noqa: SLF001 - the session is Django's
        return Response(status=204)

    def _revoke(self, bearer: Bearer) -> None:
        try:
            api_sign_out(user=self.user, digest=bearer.digest)
        except WalletError as error:
            # If two requests log out at the same time, the second finds the token already revoked.
            if error.code != ErrorCode.NOT_FOUND:
                raise


class MeView(ApiView):
    """Your account."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.READ}

    @operation(name="me", tag="Account", summary="Get your account", answer=UserSerializer, is_conditional=True)
    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002
        return self.answer(UserSerializer(account_get(user=self.user)).data)


class TokenView(ApiView):
    """The token of the request."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.READ}

    @operation(
        name="auth_token",
        tag="Account",
        summary="Get the scopes and ceilings of your token",
        description=(
            "Tells what the token of this request may do: its scopes (`read`, and `move_money` for everything that "
            "writes), its ceilings, and when it expires. A logged-in browser has no token, and gets 404."
        ),
        answer=TokenDetailsSerializer,
        refusals=[ErrorCode.NOT_FOUND],
        is_conditional=True,
    )
    def get(self, request: Request) -> HttpResponse:
        if not isinstance(request.auth, Bearer):
            raise WalletError(ErrorCode.NOT_FOUND, "This request has no token.")
        return self.answer(TokenDetailsSerializer(token_get(owner=self.user, digest=request.auth.digest)).data)


class WalletsView(ApiView):
    """Your wallets."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.READ, "POST": Scope.MOVE_MONEY}

    @operation(
        name="wallet_list", tag="Wallets", summary="List your wallets", answer=WalletListSerializer, is_conditional=True
    )
    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002
        views = wallet_gateway().wallet_view_list(owner=self.user)
        return self.answer({"results": [wallet_view_data(view, owner_name=self.user.username) for view in views]})

    @operation(
        name="wallet_open",
        tag="Wallets",
        summary="Open a wallet in another currency",
        request=WalletOpenSerializer,
        status=201,
        answer=WalletSerializer,
        refusals=[ErrorCode.WALLET_EXISTS],
        parameters=[LOCATION],
        examples={"Euro": {"currency": "EUR"}},
    )
    def post(self, request: Request) -> Response:  # noqa: ARG002
        wallet = wallet_gateway().wallet_open(owner=self.user, **self.body(WalletOpenSerializer))
        location = reverse("v1_wallet", args=[wallet.pk])
        return Response(WalletSerializer(wallet).data, status=201, headers={"Location": location})


class WalletDetailView(ApiView):
    """One wallet."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.READ}

    def plan(self) -> None:
        wallet_gateway().wallet_view_prefetch(wallet_id=self.kwargs["wallet_id"])

    @operation(
        name="wallet_read",
        tag="Wallets",
        summary="Get a wallet and its balance",
        answer=WalletSerializer,
        refusals=[ErrorCode.NOT_FOUND],
        is_conditional=True,
    )
    def get(self, request: Request, wallet_id: int) -> HttpResponse:  # noqa: ARG002
        wallet = wallet_gateway().wallet_view_get(owner=self.user, wallet_id=wallet_id)
        wallet_viewed(wallet.id)
        return self.answer(wallet_view_body(wallet, owner_name=self.user.username))
