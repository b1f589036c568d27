"""Environment variables are trimmed, and wrong ones are refused with an error that says what is allowed."""

import os

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.wallet_project.test_checks import PRODUCTION, python
from wallet_project.environment import HOST, Environment


def environment(**variables: str) -> Environment:
    env = Environment()
    env.ENVIRON = variables
    return env


@pytest.mark.parametrize("value", ["a.example, b.example", " a.example ,b.example,\n", "a.example,,b.example"])
def test_items_of_a_list_are_trimmed(value: str) -> None:
    assert environment(NAMES=value).list("NAMES", default=[]) == ["a.example", "b.example"]


def test_values_are_trimmed_whatever_their_type() -> None:
    env = environment(
        TEXT=" text \n",
        COUNT=" 7\n",
        FACTOR="0.5 ",
        SWITCH=" On\n",
        PAIRS=" a = 1, b=2=3 ,",
        URL="redis://here:6379/0\n",
    )

    assert env.str("TEXT", default="") == "text"
    assert env.int("COUNT", default=1) == 7
    assert env.float("FACTOR", default=1.0) == 0.5
    assert env.bool("SWITCH", default=False)
    assert env.dict("PAIRS", default={}) == {"a": "1", "b": "2=3"}
    assert env.server("URL", default="", schemes=("redis",)) == "redis://here:6379/0"


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_an_empty_value_counts_as_not_set(value: str) -> None:
    env = environment(NAME=value)

    assert env.str("NAME", default="usual") == "usual"
    assert env.int("NAME", default=3) == 3
    assert env.float("NAME", default=0.5) == 0.5
    assert env.bool("NAME", default=True)
    assert env.list("NAME", default=["usual"]) == ["usual"]
    assert env.dict("NAME", default={"a": "1"}) == {"a": "1"}


def test_a_password_may_begin_with_a_dollar_sign() -> None:
    assert environment(SECRET_KEY="$HOME", HOME="/root").str("SECRET_KEY", default="") == "$HOME"


@pytest.mark.parametrize("value", ["7.5", "seven", "1e3", "0x10", "--7", "+", "\u0667", "-1", "2147483648", "9" * 400])
def test_what_is_no_whole_number_in_range_is_refused(value: str) -> None:
    with pytest.raises(
        ImproperlyConfigured, match=r"^COUNT is '.*'\. It must be a whole number from 0 to 2147483647\."
    ):
        environment(COUNT=value).int("COUNT", default=1)


@pytest.mark.parametrize("value", ["0,5", "nan", "inf", "-inf", "1e7", "-0.1", "half"])
def test_what_is_no_number_in_range_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^FACTOR is '.*'\. It must be a number from 0\.0 to 1000000\.0\."):
        environment(FACTOR=value).float("FACTOR", default=1.0)


@pytest.mark.parametrize("value", ["ture", "2", "-1", "enabled", "0.0", "none"])
def test_a_switch_that_is_neither_on_nor_off_is_refused(value: str) -> None:
    """Taken for "off", it would switch limits off; taken for "on", it would show tracebacks to strangers."""
    with pytest.raises(ImproperlyConfigured, match=r"^SWITCH is '.*'\. It must be 1 or 0\."):
        environment(SWITCH=value).bool("SWITCH", default=True)


def test_a_text_that_is_none_of_the_choices_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"LOG_LEVEL is 'info'\. It must be one of DEBUG, INFO\."):
        environment(LOG_LEVEL="info").str("LOG_LEVEL", default="INFO", choices=("DEBUG", "INFO"))


@pytest.mark.parametrize("value", ["https://wallet.example", "wallet.example/path", "wallet.example:443", "a b", "a;b"])
def test_what_is_no_host_name_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="ALLOWED_HOSTS contains"):
        environment(ALLOWED_HOSTS=f"good.example,{value}").list("ALLOWED_HOSTS", default=[], item=HOST)


@pytest.mark.parametrize("value", ["wallet.example", ".wallet.example", "*", "localhost", "127.0.0.1", "[::1]", "a_b"])
def test_host_names_and_addresses_are_hosts(value: str) -> None:
    assert environment(ALLOWED_HOSTS=value).list("ALLOWED_HOSTS", default=[], item=HOST) == [value]


@pytest.mark.parametrize("value", ["=1", "a", "a=1,b"])
def test_a_pair_without_name_or_value_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^OPTIONS must be a list of name=value, separated by commas\.$"):
        environment(OPTIONS=value).dict("OPTIONS", default={})


@pytest.mark.parametrize(
    "value",
    [
        "redis://:secret@here:port/0",
        "redis://:secret@here:70000/0",
        "redis://:sec#ret@here:6379/0",
        "redis://:sec/ret@here:6379/0",
        "redis://:sec ret@here:6379/0",
        "http://:secret@here:6379/0",
        "here:6379",
    ],
)
def test_an_invalid_url_is_refused_and_its_password_not_shown(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^REDIS_URL (must be a URL|is not a valid URL)") as refused:
        environment(REDIS_URL=value).server("REDIS_URL", default="", schemes=("redis", "rediss"))

    assert "sec" not in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        "postgres://wallet:p%40ss@db.example:5432/wallet?sslmode=require",
        "postgres://wallet@%2Frun%2Fpostgres:5432/wallet",
        "postgres://wallet:pw@one.example:5432,two.example/wallet",
        "postgres://wallet:pw@[::1]:5432/wallet",
        "postgres:///wallet",
    ],
)
def test_urls_of_postgres_are_valid(value: str) -> None:
    assert environment(URL=value).server("URL", default="", schemes=("postgres",)) == value


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"ALLOWED_HOSTS": "https://wallet.example"}, "ALLOWED_HOSTS contains 'https://wallet.example'"),
        ({"CSRF_TRUSTED_ORIGINS": "wallet.example"}, "CSRF_TRUSTED_ORIGINS contains 'wallet.example'"),
        ({"CSRF_TRUSTED_ORIGINS": "https://wallet.example/"}, "CSRF_TRUSTED_ORIGINS contains"),
        ({"THROTTLE_ENABLED": "ture"}, "THROTTLE_ENABLED is 'ture'"),
        ({"THROTTLE_SCALE": "-1"}, "THROTTLE_SCALE is '-1'"),
        ({"DATABASE_URL": "mysql://wallet:secret@db/wallet"}, "DATABASE_URL must be a URL"),
        ({"DATABASE_LOCK_TIMEOUT_MS": "0"}, "DATABASE_LOCK_TIMEOUT_MS is '0'"),
        ({"REDIS_URL": "localhost:6379"}, "REDIS_URL must be a URL"),
        ({"CELERY_BROKER_URL": "kafka"}, "CELERY_BROKER_URL must be a URL"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "kafka"}, "KAFKA_BOOTSTRAP_SERVERS contains 'kafka'"),
        ({"EMAIL_URL": "mail.example"}, "EMAIL_URL must be a URL"),
        ({"GRPC_BIND": "50051"}, "GRPC_BIND is '50051'"),
        ({"GRPC_THREADS": "0"}, "GRPC_THREADS is '0'"),
        ({"LOG_LEVEL": "verbose"}, "LOG_LEVEL is 'verbose'"),
        ({"LOG_FORMAT": "jsonn"}, "LOG_FORMAT is 'jsonn'"),
        ({"TRANSFER_CHANNEL": "rabbit"}, "TRANSFER_CHANNEL is 'rabbit'"),
        ({"FUNDING": "anyone"}, "FUNDING is 'anyone'"),
    ],
)
def test_a_process_does_not_start_with_a_wrong_value(variables: dict[str, str], why: str) -> None:
    started = python("-c", "import wallet_project.settings", **PRODUCTION | variables)

    assert started.returncode == 1
    assert why in started.stderr
    assert "secret" not in started.stderr


def test_a_process_starts_with_values_that_only_need_trimming() -> None:
    untidy = {
        "ALLOWED_HOSTS": "wallet.example, www.wallet.example\n",
        "CSRF_TRUSTED_ORIGINS": " https://wallet.example , https://*.wallet.example:8443 ",
        "KAFKA_BOOTSTRAP_SERVERS": "one.example:9092, two.example:9092",
        "HTTPS": "1 ",
        "GRPC_THREADS": " 4",
        "CACHE_FENCE_S": "",
        "DATABASE_URL": os.environ["DATABASE_URL"] + "\n",
    }
    show = (
        "from django.conf import settings as s; print(s.ALLOWED_HOSTS, s.CSRF_TRUSTED_ORIGINS,"
        " s.KAFKA_BOOTSTRAP_SERVERS, s.HTTPS, s.GRPC_THREADS, s.CACHE_FENCE_S)"
    )

    started = python("-c", show, **PRODUCTION | untidy)

    assert started.stdout.strip() == (
        "['wallet.example', 'www.wallet.example'] ['https://wallet.example', 'https://*.wallet.example:8443'] "
        "one.example:9092,two.example:9092 True 4 90.0"
    ), started.stderr


@pytest.mark.parametrize(("name", "value"), [("WEB_CONCURRENCY", "0"), ("WEB_THREADS", "many"), ("PORT", "http")])
def test_gunicorn_does_not_start_with_a_wrong_value(name: str, value: str) -> None:
    started = python("-m", "gunicorn", "--check-config", "-c", "wallet_project/gunicorn.py", "wallet_project.wsgi",
        **PRODUCTION | {name: value})  # fmt: skip

    assert started.returncode != 0
    assert f"{name} is '{value}'" in started.stderr
