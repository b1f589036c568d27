"""What a failed attempt to send a mail means: whether another may succeed, and whether other mails would fail too."""

import re
import smtplib
from dataclasses import dataclass

from django.core.mail.message import sanitize_address

_TEXT_LENGTH_MAX = 300
_PERMANENT = range(500, 600)
#: The server is about to close the connection.
_CLOSING = 421
_LINK = re.compile(r"\w+://\S+")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\U0010ffff]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a mail was not sent. `is_final`: it never will be. `is_servers`: no other mail would be sent now either."""

    text: str
    is_final: bool = False
    is_servers: bool = False


def address_failure(addresses: list[str]) -> Failure | None:
    """The failure of a mail to something that is no address, which no server needs to see."""
    try:
        for address in addresses:
            sanitize_address(address, "utf-8")
    except ValueError as error:
        return Failure(text=_clean(str(error)), is_final=True)
    return None


def failure_of(error: Exception) -> Failure:
    """What the error of an attempt means. A refusal of this mail is final; all else may pass, such as a wrong password
    for the mail server, which the operator corrects."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        replies = list(error.recipients.values())
        codes = [code for code, _ in replies]
        code, words = replies[0]
        is_final = all(code in _PERMANENT for code in codes)
        return Failure(text=_reply(code, words), is_final=is_final, is_servers=_CLOSING in codes)
    if isinstance(error, smtplib.SMTPDataError):
        code = error.smtp_code
        is_final = code in _PERMANENT
        return Failure(text=_reply(code, error.smtp_error), is_final=is_final, is_servers=code == _CLOSING)
    if isinstance(error, smtplib.SMTPResponseException):
        return Failure(text=_reply(error.smtp_code, error.smtp_error), is_servers=True)
    return Failure(text=_clean(f"{type(error).__name__}: {error}"), is_servers=True)


def _reply(code: int, words: bytes | str) -> str:
    return _clean(f"{code} {words if isinstance(words, str) else words.decode(errors='replace')}")


def _clean(text: str) -> str:
    """Without links: a server that quotes the mail in its refusal must not make us keep a key from it."""
    return _LINK.sub("[link]", _UNPRINTABLE.sub(" ", text))[:_TEXT_LENGTH_MAX]
