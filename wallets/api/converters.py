"""Path converter for ids in the API's URLs."""

from django.urls import register_converter


class SnowflakeConverter:
    """An id of up to 63 bits. For anything else the URL does not match, and the answer is 404."""

    regex = "[1-9][0-9]{0,18}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if number >= 2**63:
            raise ValueError("No id has more than 63 bits.")
        return number

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(SnowflakeConverter, "snowflake")
