"""The workers' Celery settings are safe for money; the comments at the settings give the reasons."""

from datetime import timedelta

from celery import current_app
from django.conf import settings


def test_no_message_is_delivered_again_while_its_task_may_still_run() -> None:
    visibility_timeout_s = current_app.conf.broker_transport_options["visibility_timeout"]
    assert visibility_timeout_s > current_app.conf.task_time_limit > settings.TRANSFER_DRAIN_LIMIT_S


def test_a_message_lives_until_its_task_is_done() -> None:
    assert current_app.conf.task_acks_late
    assert current_app.conf.task_reject_on_worker_lost


def test_no_results_are_kept() -> None:
    assert not current_app.conf.result_backend
    assert current_app.conf.task_ignore_result


def test_every_task_on_the_schedule_exists_and_frequent_messages_expire() -> None:
    current_app.loader.import_default_modules()
    for entry in current_app.conf.beat_schedule.values():
        assert entry["task"] in current_app.tasks
        if isinstance(entry["schedule"], timedelta):
            assert entry["schedule"].total_seconds() < entry["options"]["expires"]
