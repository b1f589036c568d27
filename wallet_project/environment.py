"""The environment that the settings read: each variable, or the file that NAME_FILE names."""

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping


class Variables(FileAwareMapping):  # type: ignore[misc]  # the library is untyped
    """os.environ. If NAME_FILE is set, NAME is the content of that file, without the spaces and line ends around it.

    So a secret need not be in the environment, which other processes and `docker inspect` show. Raises
    ImproperlyConfigured if both are set or the file cannot be read.
    """

    def __getitem__(self, name: str) -> str:
        file = self.env.get(f"{name}_FILE")
        if not file:
            return str(self.env[name])
        if self.env.get(name):
            raise ImproperlyConfigured(f"Set {name} or {name}_FILE, but not both.")
        try:
            return str(super().__getitem__(name)).strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: {file} cannot be read: {error.strerror}.") from error


class Environment(environ.Env):  # type: ignore[misc]  # the library is untyped
    ENVIRON = Variables()
