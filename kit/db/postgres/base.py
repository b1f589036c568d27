"""Django's Postgres backend with two more conditions on each new connection: the server is new enough, and it applies
the timeouts that the connection asks for.

Timeouts are part of the freshness protocol: a commit that outlasts its fence leaves an old balance in the cache. A
pooler in transaction mode drops them without a word, because it hands each transaction to whichever server connection
is free. A connection whose server does not apply them is closed before its first statement.
"""

import re
from typing import Any

import psycopg
from django.db import NotSupportedError
from django.db.backends.postgresql import base, features

from kit.db.errors import UnfitDatabaseError

_OPTION = re.compile(r"-c (\w+)=(\d+)")
# A scan of the view rather than current_setting(), which would answer in units of its own choice ("5s").
_EFFECTIVE_SQL = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"


class DatabaseFeatures(features.DatabaseFeatures):
    # transaction_timeout is as old as Postgres 17.
    minimum_database_version = (17,)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to a Postgres that is new enough and applies the timeouts. Raises UnfitDatabaseError otherwise."""

    features_class = DatabaseFeatures

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except psycopg.OperationalError as error:
            if "transaction_timeout" in str(error) and "unrecognized" in str(error):
                raise UnfitDatabaseError("Postgres 17 or newer is required: this server is older.") from error
            if "startup parameter" in str(error):
                raise UnfitDatabaseError(self._advice(f"it refuses them ({error})")) from error
            raise

    def init_connection_state(self) -> None:
        try:
            self._init_connection_state()
        except BaseException:
            # Django would go on to use the connection.
            if self.connection is not None:
                self.connection.close()
                self.connection = None
            raise

    def _init_connection_state(self) -> None:
        try:
            super().init_connection_state()
        except NotSupportedError as error:
            raise UnfitDatabaseError(str(error)) from error
        wanted = self._timeouts_wanted()
        effective = dict(self.connection.execute(_EFFECTIVE_SQL, [list(wanted)]).fetchall())
        wrong = [
            f"{name} is {effective.get(name, 'unknown')} instead of {value}"
            for name, value in wanted.items()
            if effective.get(name) != value
        ]
        if wrong:
            raise UnfitDatabaseError(self._advice(f"{', '.join(wrong)} (milliseconds)"))

    def _timeouts_wanted(self) -> dict[str, str]:
        """The timeouts that the connection's options ask for: milliseconds by name."""
        return dict(_OPTION.findall(self.settings_dict["OPTIONS"].get("options", "")))

    def _advice(self, problem: str) -> str:
        timeouts = "; ".join(
            f"ALTER ROLE {self.settings_dict['USER'] or 'wallet'} SET {name} = {value}"
            for name, value in self._timeouts_wanted().items()
        )
        return (
            f"The database does not apply this site's timeouts: {problem}. A connection pooler drops them. Connect to "
            f"Postgres itself or to a pooler in session mode, or let Postgres apply them to the role: {timeouts}"
        )
