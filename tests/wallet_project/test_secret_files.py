"""NAME_FILE gives the settings NAME from a file, so that a secret need not be in the environment."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.wallet_project.test_checks import GOOD_KEY, python
from wallet_project.environment import Environment, Variables


def environment(**variables: str) -> Environment:
    """An environment with only these variables."""
    read = Environment()
    read.ENVIRON = Variables(variables)
    return read


@pytest.mark.parametrize("written", ["a secret", "a secret\n", " \ta secret\r\n\n"])
def test_it_reads_the_file_without_the_space_around_its_content(tmp_path: Path, written: str) -> None:
    file = tmp_path / "key"
    file.write_text(written)
    assert environment(KEY_FILE=str(file)).str("KEY", default="") == "a secret"


def test_it_reads_lists_and_urls_from_files_too(tmp_path: Path) -> None:
    keys, url = tmp_path / "keys", tmp_path / "url"
    keys.write_text("new,old\n")
    url.write_text("postgres://wallet:p%40ss@postgres:5432/wallet\n")
    read = environment(KEYS_FILE=str(keys), DATABASE_URL_FILE=str(url))
    assert read.list("KEYS", default=[]) == ["new", "old"]
    assert read.db_url_config(read.str("DATABASE_URL", default=""))["PASSWORD"] == "p@ss"


def test_a_variable_without_a_file_is_read_as_before() -> None:
    assert environment(KEY="a secret").str("KEY", default="") == "a secret"
    assert environment(KEY="a secret", KEY_FILE="").str("KEY", default="") == "a secret"
    assert environment().str("KEY", default="none") == "none"


def test_it_refuses_a_variable_that_is_set_twice(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("a secret")
    with pytest.raises(ImproperlyConfigured, match="KEY or KEY_FILE, but not both"):
        environment(KEY="another", KEY_FILE=str(file)).str("KEY", default="none")


def test_it_refuses_a_file_that_is_missing_or_unreadable(tmp_path: Path) -> None:
    for file in (tmp_path / "missing", tmp_path):
        with pytest.raises(ImproperlyConfigured, match=r"KEY_FILE: .* cannot be read"):
            environment(KEY_FILE=str(file)).str("KEY", default="none")


def test_the_settings_read_their_secrets_this_way(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    file.write_text(f"{GOOD_KEY}\n")
    command = "from wallet_project import settings; print(settings.SECRET_KEY)"
    printed = python("-c", command, SECRET_KEY="", SECRET_KEY_FILE=str(file))
    assert printed.stdout.strip() == GOOD_KEY, printed.stderr
