"""Ids in the paths of the API."""

from django.urls import register_converter


class SnowflakeConverter:
    """An id of up to 63 bits. Anything else in its place is an address that does not exist."""

    regex = "[1-9][0-9]{0,18}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if number >= 2**63:
            raise ValueError("No id has more than 63 bits.")
        return number

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(SnowflakeConverter, "snowflake")
