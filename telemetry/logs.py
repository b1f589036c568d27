"""How log lines look: one JSON object each for machines, coloured text for people. Needs no Django."""

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_REDACTED = "[redacted]"
#: A value under a name that contains one of these is never written.
_SECRET_NAMES = ("password", "secret", "token", "authorization", "cookie", "session", "otp", "email")

# Enriches every line, whether it comes from structlog or from a library's standard logger.
_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def json_wanted() -> bool:
    """LOG_FORMAT decides (json or console); without it, people at a terminal get text and everything else JSON."""
    log_format = os.environ.get("LOG_FORMAT")
    if log_format:
        return log_format == "json"
    return os.environ.get("ENVIRONMENT") == "production" or not sys.stderr.isatty()


def logging_config(*, as_json: bool, level: str = "INFO") -> dict[str, Any]:
    """A configuration for `logging.config.dictConfig`, which Django, gunicorn and Celery all take."""
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
            # Each failed request is logged once, with its traceback, by django-structlog's middleware.
            "django.request": {"level": "CRITICAL"},
            # Without handlers of their own, their lines reach the root's.
            "django": {"handlers": [], "level": level, "propagate": True},
            "gunicorn.error": {"handlers": [], "level": level, "propagate": True},
            # Warns of every HEAD, whose body Django leaves to the server to drop.
            "gunicorn.http.wsgi": {"level": "ERROR"},
            # Each failed task is logged once, with its traceback, by django-structlog; one that came, ran and had
            # nothing to do, every two seconds, is no news.
            "celery.app.trace": {"level": "CRITICAL"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
        },
    }


def structlog_configure() -> None:
    """Sends structlog's lines through the standard library's handlers, so that all lines take one way out."""
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
    """Blots out what nobody may read in a log, as a last guard behind not logging it."""
    for name in event:
        if any(secret in name.lower() for secret in _SECRET_NAMES):
            event[name] = _REDACTED
    return event


def _rendering(*, as_json: bool) -> list[structlog.typing.Processor]:
    clean: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        secrets_redact,
    ]
    if as_json:
        # Plain tracebacks: structlog's own form would add the local variables, passwords among them.
        return [*clean, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    return [*clean, console]
