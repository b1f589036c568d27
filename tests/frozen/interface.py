"""Names that others rely on: messages in flight, rows in databases, dashboards, scripts and bookmarks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app
from confluent_kafka.admin import AdminClient
from django.conf import settings
from django.core.management import call_command, get_commands
from django.urls import URLPattern, URLResolver, get_resolver
from prometheus_client import REGISTRY

from tests.frozen.sources import (
    environment_variables,
    migration_files,
    migration_imports,
    project_apps,
    topic_prefix_uses,
)
from tests.frozen.stage import Database

_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
_TRIGGERS = """
    SELECT relname || ': ' || tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal
"""
_FUNCTIONS = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"


def celery_tasks() -> list[str]:
    """Names in messages that an older release has sent."""
    current_app.loader.import_default_modules()
    return sorted(name for name in current_app.tasks if not name.startswith("celery."))


def celery_schedule() -> list[str]:
    return sorted(f"{name}: {entry['task']}" for name, entry in settings.CELERY_BEAT_SCHEDULE.items())


def kafka_topics() -> list[str]:
    """What `manage.py kafka_topics` would make. A new format of messages needs new names."""
    made: list[Any] = []

    def create_topics(_: object, topics: Sequence[Any], **__: Any) -> dict[str, Future[None]]:
        made.extend(topics)
        return {topic.topic: _done() for topic in topics}

    def list_topics(*_: object, **__: Any) -> SimpleNamespace:
        return SimpleNamespace(topics={topic.topic: SimpleNamespace(partitions={0: None}) for topic in made})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AdminClient, "create_topics", create_topics)
        patch.setattr(AdminClient, "list_topics", list_topics)
        call_command("kafka_topics", stdout=StringIO())
    return sorted(f"{topic.topic}: {topic.num_partitions} partitions, {topic.config}" for topic in made)


def _done() -> "Future[None]":
    future: Future[None] = Future()
    future.set_result(None)
    return future


def migrations() -> list[str]:
    """Names in the table of migrations that were applied."""
    return [f"{label} {file.stem}" for label, file in migration_files()]


def paths_in_data() -> list[str]:
    """Settings whose values are stored: a session names its backend, a content type its app."""
    names = (
        "AUTHENTICATION_BACKENDS",
        "AUTH_USER_MODEL",
        "KNOX_TOKEN_MODEL",
        "SESSION_COOKIE_NAME",
        "CSRF_COOKIE_NAME",
    )
    stored = [f"{name}: {getattr(settings, name)}" for name in names]
    return [*stored, *(f"app label: {config.label}" for config in project_apps())]


def addresses() -> list[str]:
    return sorted({f"{path}  {name or ''}".rstrip() for path, name in _walk(get_resolver().url_patterns, "/")})


def _walk(patterns: Sequence[Any], prefix: str) -> Iterator[tuple[str, str | None]]:
    for pattern in patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield path, pattern.name


def commands() -> list[str]:
    """The management commands that are ours."""
    ours = {config.name for config in project_apps()}
    return sorted(name for name, app in get_commands().items() if app in ours)


def metric_families() -> list[str]:
    return sorted(
        f"{family.name} {family.type}"
        for family in REGISTRY.collect()
        if not family.name.startswith(("python_", "process_"))
    )


def database_names(database: Database) -> dict[str, list[str]]:
    with database.connect() as connection:
        return {
            title: sorted(str(row[0]) for row in connection.execute(query).fetchall())
            for title, query in {
                "Tables": _TABLES,
                "Triggers": _TRIGGERS,
                "Functions of the database": _FUNCTIONS,
            }.items()
        }


#: What needs no database, by the title in the recording.
COLLECTORS: Mapping[str, Callable[[], list[str]]] = {
    "Celery tasks": celery_tasks,
    "Celery's schedule": celery_schedule,
    "Kafka topics (docs/kafka.md documents an upgrade that changes them)": kafka_topics,
    "Made from KAFKA_TOPIC_PREFIX": topic_prefix_uses,
    "Migrations": migrations,
    "Paths that migrations import": migration_imports,
    "Names that are stored": paths_in_data,
    "Addresses": addresses,
    "Management commands": commands,
    "Environment variables": environment_variables,
    "Metric families": metric_families,
}
