"""Reads environment variables. Values are trimmed; a wrong one stops the process with an error that names the variable,
its value unless that may be secret, and what is allowed.

Values come from `.env` files, secret stores and copied commands, so they have stray spaces and line breaks. A value
that is misread does more harm than one that is refused: THROTTLE_ENABLED=ture must not switch the limits off.
"""

import builtins
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

_Number = TypeVar("_Number", int, float)
_TRUE, _FALSE = {"1", "true", "yes", "on", "y", "ok"}, {"0", "false", "no", "off", "n"}
_HOST_IN_URL = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/?#\[\]]*)(:(?P<port>[0-9]+))?")
_PORT_MAX = 65_535

_NAME_OR_ADDRESS = r"([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])"
#: Patterns of items: a host that a request may name (`.example.org` stands for all its subdomains too), what a browser
#: sends as its origin, and where a server listens.
HOST = rf"\*|\.?{_NAME_OR_ADDRESS}"
ORIGIN = rf"https?://(\*\.)?{_NAME_OR_ADDRESS}(:[0-9]{{1,5}})?"
HOST_AND_PORT = rf"{_NAME_OR_ADDRESS}:[0-9]{{1,5}}"


class Variables(FileAwareMapping):  # type: ignore[misc]  # the library is untyped
    """os.environ. If NAME_FILE is set, NAME is the content of that file.

    So a secret need not be in the environment, which other processes and `docker inspect` show. Raises
    ImproperlyConfigured if both are set or the file cannot be read.
    """

    def __getitem__(self, name: builtins.str) -> builtins.str:
        file = self.env.get(f"{name}_FILE")
        if not file:
            return builtins.str(self.env[name])
        if self.env.get(name):
            raise ImproperlyConfigured(f"Set {name} or {name}_FILE, but not both.")
        try:
            return builtins.str(super().__getitem__(name))
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: {file} cannot be read: {error.strerror}.") from error


class Environment:
    """The variables of this process. An empty value counts as not set. (`builtins`: the methods are named after types.)

    django-environ parses the URLs of servers. Its other methods are not used: they take an unknown word for "off",
    keep the spaces after commas, and look up another variable if a value (a random password, say) begins with `$`.
    """

    ENVIRON: Mapping[builtins.str, builtins.str] = Variables()
    db_url_config = staticmethod(environ.Env.db_url_config)

    def str(self, name: builtins.str, *, default: builtins.str, choices: Collection[builtins.str] = ()) -> builtins.str:
        """A text: one of `choices`, if there are any."""
        value = self._text(name)
        if value and choices and value not in choices:
            _refuse(name, value, f"one of {', '.join(choices)}")
        return value or default

    def address(self, name: builtins.str, *, default: builtins.str) -> builtins.str:
        """host:port."""
        value = self._text(name) or default
        if not re.fullmatch(HOST_AND_PORT, value):
            _refuse(name, value, "host:port")
        return value

    def bool(self, name: builtins.str, *, default: builtins.bool) -> builtins.bool:
        value = self._text(name)
        if value and value.lower() not in _TRUE | _FALSE:
            _refuse(name, value, "1 or 0")
        return value.lower() in _TRUE if value else default

    def int(
        self, name: builtins.str, *, default: builtins.int, minimum: builtins.int = 0, maximum: builtins.int = 2**31 - 1
    ) -> builtins.int:
        """A whole number. By default the largest is the one up to which Postgres counts milliseconds."""
        return self._number(name, default, minimum=minimum, maximum=maximum, kind="a whole number", cast=_whole)

    def float(
        self,
        name: builtins.str,
        *,
        default: builtins.float,
        minimum: builtins.float = 0.0,
        maximum: builtins.float = 1e6,
    ) -> builtins.float:
        return self._number(name, default, minimum=minimum, maximum=maximum, kind="a number", cast=float)

    def list(
        self,
        name: builtins.str,
        *,
        default: Sequence[builtins.str],
        item: builtins.str = r"\S+",
        allowed: builtins.str = "words",
    ) -> builtins.list[builtins.str]:
        """The items between commas. Each must match the pattern `item`, which `allowed` describes."""
        items = [part.strip() for part in self._text(name).split(",") if part.strip()]
        for part in items:
            if not re.fullmatch(item, part):
                _refuse(name, part, f"a list of {allowed}, separated by commas", what="contains")
        return items or list(default)

    def dict(
        self, name: builtins.str, *, default: Mapping[builtins.str, builtins.str]
    ) -> builtins.dict[builtins.str, builtins.str]:
        """name=value, separated by commas. No error shows a value, because it may be secret."""
        pairs = [part.partition("=") for part in self._text(name).split(",") if part.strip()]
        if any(not sign or not key.strip() for key, sign, _ in pairs):
            raise ImproperlyConfigured(f"{name} must be a list of name=value, separated by commas.")
        return {key.strip(): value.strip() for key, _, value in pairs} or dict(default)

    def server(self, name: builtins.str, *, default: builtins.str, schemes: Collection[builtins.str]) -> builtins.str:
        """The URL of a server, with one of these schemes. No error shows it, because it may contain a password."""
        value = self._text(name) or default
        scheme, separator, rest = value.partition("://")
        if not separator or scheme not in schemes:
            raise ImproperlyConfigured(f"{name} must be a URL that begins with {_alternatives(schemes)}.")
        netloc = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
        hosts = [_HOST_IN_URL.fullmatch(host) for host in netloc.split(",")]
        ports = [int(host["port"]) for host in hosts if host and host["port"]]
        if re.search(r"\s", value) or None in hosts or any(not 0 < port <= _PORT_MAX for port in ports):
            raise ImproperlyConfigured(
                f"{name} is not a valid URL. In its user name and password, write each character except letters, "
                "digits and -._~ as % and its hexadecimal code: / is %2F, @ is %40, # is %23."
            )
        return value

    def email_url(self, name: builtins.str, *, default: builtins.str) -> builtins.dict[builtins.str, Any]:
        """Django's settings for a mail server, by name."""
        url = self.server(name, default=default, schemes=tuple(environ.Env.EMAIL_SCHEMES))
        return dict(environ.Env.email_url_config(url))

    def _text(self, name: builtins.str) -> builtins.str:
        return self.ENVIRON.get(name, "").strip()

    def _number(
        self,
        name: builtins.str,
        default: _Number,
        *,
        minimum: _Number,
        maximum: _Number,
        kind: builtins.str,
        cast: Callable[[builtins.str], _Number],
    ) -> _Number:
        value = self._text(name)
        if not value:
            return default
        try:
            number = cast(value)
        except ValueError:
            _refuse(name, value, f"{kind} from {minimum} to {maximum}")
        # The value "nan" is neither below nor above anything.
        if not minimum <= number <= maximum:
            _refuse(name, value, f"{kind} from {minimum} to {maximum}")
        return number


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise ValueError(text)
    return int(text)


def _refuse(name: str, value: str, allowed: str, *, what: str = "is") -> NoReturn:
    raise ImproperlyConfigured(f"{name} {what} {value!r}. It must be {allowed}.")


def _alternatives(schemes: Collection[str]) -> str:
    *others, last = (f"{scheme}://" for scheme in schemes)
    return f"{', '.join(others)} or {last}" if others else last
