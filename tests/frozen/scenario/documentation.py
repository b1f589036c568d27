"""What explains the API: the schema's forms, Swagger UI and the list of errors."""

import re

from tests.frozen.cast import Play
from tests.frozen.schema import schema_lines


def play(play: Play) -> None:
    stranger = play.client()
    schema = stranger.get("The schema", "/api/schema")
    play.log.area.add("What the schema says", schema_lines(schema.json()))
    for accept in ("application/vnd.oai.openapi+json", "application/json", "*/*", "text/html", "application/yaml"):
        stranger.get(f"The schema for somebody who accepts {accept}", "/api/schema", Accept=accept)
    stranger.get("The schema, packed", "/api/schema", Accept_Encoding="gzip")
    stranger.send("The schema's headers only", "HEAD", "/api/schema")
    stranger.get("The documentation", "/api/docs")
    stranger.get("The documentation's script", "/api/docs?script=")
    stranger.send("The documentation's headers only", "HEAD", "/api/docs")
    stranger.send("The documentation takes no POST", "POST", "/api/docs")
    errors = stranger.get("The list of errors", "/api/errors")
    stranger.get("The list of errors, packed", "/api/errors", Accept_Encoding="gzip")
    stranger.get("The list of errors is no JSON", "/api/errors", Accept="application/json")
    play.log.area.add("The codes in the list of errors", sorted(codes_of(errors.text) - {"main"}))


def codes_of(page: str) -> set[str]:
    """The codes that the list of errors has a line for."""
    return set(re.findall(r'id="([a-z_]+)"', page))
