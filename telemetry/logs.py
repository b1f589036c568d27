"""The format of log lines: one JSON object per line for machines, coloured text for people. Needs no Django."""

import logging
import os
import re
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any

import structlog

_REDACTED = "[redacted]"
#: The value of a key whose name contains one of these is never written.
_SECRET_NAMES = ("password", "secret", "token", "authorization", "cookie", "session", "otp", "email")

#: The paths of links in mails whose last part is a secret: it resets a password, confirms an address or locks an
#: account. Django writes the path of a request into some messages, and the request itself into their extra fields.
#: A route's template is no secret; its parameter begins with a parenthesis.
_SECRET_LINKS = re.compile(r"(/password/reset/key/|/confirm-email/|/accounts/lock/|/email/undo/)[\w%-][^/\s\"'<>?#\\]*")

# These processors add to every line, whether it comes from structlog or from a library's standard logger.
_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def json_wanted() -> bool:
    """LOG_FORMAT decides (json or console). Without it, a terminal in development gets text; all else gets JSON."""
    log_format = os.environ.get("LOG_FORMAT", "").strip()
    if log_format not in {"", "json", "console"}:
        raise ValueError(f"LOG_FORMAT is {log_format!r}. It must be json or console.")
    if log_format:
        return log_format == "json"
    return os.environ.get("ENVIRONMENT", "").strip() == "production" or not sys.stderr.isatty()


def logging_config(*, as_json: bool, level: str = "INFO") -> dict[str, Any]:
    """A configuration for `logging.config.dictConfig`. Django, gunicorn and Celery all use it."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*_SHARED, structlog.stdlib.ExtraAdder()],
                "processors": _rendering(as_json=as_json),
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # django-structlog's middleware logs each failed request once, with its traceback.
            "django.request": {"level": "CRITICAL"},
            # These loggers get no handlers, so that their lines reach the root's handler.
            "django": {"handlers": [], "level": level, "propagate": True},
            "gunicorn.error": {"handlers": [], "level": level, "propagate": True},
            # It warns of every HEAD request, because Django leaves it to the server to drop the body.
            "gunicorn.http.wsgi": {"level": "ERROR"},
            # django-structlog logs each failed task once, with its traceback. A task that finds nothing to do, every
            # two seconds, need not be logged.
            "celery.app.trace": {"level": "CRITICAL"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
        },
    }


def structlog_configure() -> None:
    """Sends structlog's lines through the standard library's handlers, so that all lines get the same format."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def secrets_redact(_: logging.Logger, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces secret values. This is a safeguard; code should not log secrets in the first place."""
    for name in event:
        if _is_secret(name):
            event[name] = _REDACTED
    return event


@lru_cache(1_000)
def _is_secret(name: str) -> bool:
    """Whether a field of this name is secret. Cached, because each line of the log asks for the same few names."""
    return any(secret in name.lower() for secret in _SECRET_NAMES)


def links_redact(_: logging.Logger, __: str, line: Any) -> str:
    """Replaces the secrets of links, wherever in the finished line they are: message, fields or traceback."""
    return _SECRET_LINKS.sub(rf"\1{_REDACTED}", line)


def _rendering(*, as_json: bool) -> list[structlog.typing.Processor]:
    clean: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        secrets_redact,
    ]
    if as_json:
        # Plain tracebacks: structlog's own would include local variables, which may hold passwords.
        renderer = structlog.processors.JSONRenderer(default=str)
        return [*clean, structlog.processors.format_exc_info, renderer, links_redact]
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    return [*clean, console, links_redact]
