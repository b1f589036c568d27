"""The OpenAPI schema and its documentation pages."""

import json
import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver

from tests.api.client import Api
from wallets.api.problems import STATUS


@pytest.fixture
def schema() -> Any:
    response = Api().get("/api/schema")
    assert response.status_code == 200
    return json.loads(response.content)


def operations(schema: Any) -> list[tuple[str, str, Any]]:
    return [(method, path, operation) for path, item in schema["paths"].items() for method, operation in item.items()]


def test_the_schema_is_valid_and_has_no_warnings(tmp_path: Any) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))


def test_the_schema_is_openapi_3_1(schema: Any) -> None:
    assert schema["openapi"] == "3.1.0"


def test_the_schema_comes_as_openapi_or_as_plain_json() -> None:
    assert Api().get("/api/schema")["Content-Type"] == "application/vnd.oai.openapi+json"
    assert Api().get("/api/schema", Accept="application/json")["Content-Type"] == "application/json"


def test_the_schema_describes_every_url_of_the_api(schema: Any) -> None:
    def routes(patterns: list[Any], prefix: str = "/") -> list[str]:
        found = []
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver) and route.startswith("/api/v"):
                found += routes(pattern.url_patterns, route)
            elif isinstance(pattern, URLPattern) and route.startswith("/api/v"):
                found.append(re.sub(r"<\w+:(\w+)>", r"{\1}", route))
        return found

    assert sorted(schema["paths"]) == sorted(routes(get_resolver().url_patterns))


def test_every_operation_says_who_it_is_for(schema: Any) -> None:
    for _, path, operation in operations(schema):
        is_public = path in {"/api/v1/auth/register", "/api/v1/auth/login"}
        assert operation.get("security", []) == ([] if is_public else [{"bearer": []}, {"session": []}]), path
    assert schema["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert schema["components"]["securitySchemes"]["session"]["name"] == "sessionid"


def test_every_operation_documents_its_problems(schema: Any) -> None:
    for method, path, operation in operations(schema):
        responses = operation["responses"]
        assert {"405", "406", "500", "503"} <= set(responses), path
        assert "Retry-After" in responses["503"]["headers"]
        if method == "post":
            assert {"400", "413", "415"} <= set(responses), path
        for status, response in responses.items():
            if status >= "400":
                content = response["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert content["examples"], (path, status)


def test_examples_of_problems_carry_their_status(schema: Any) -> None:
    for _, _, operation in operations(schema):
        for status, response in operation["responses"].items():
            for name, example in (
                response.get("content", {}).get("application/problem+json", {}).get("examples", {}).items()
            ):
                value = example["value"]
                assert str(value["status"]) == status == str(STATUS[value["code"]])
                assert value["code"].replace("_", "") == name.lower().replace("_", "")


def test_every_operation_that_moves_money_documents_the_key(schema: Any) -> None:
    for path in ("/wallets/{wallet_id}/deposits", "/wallets/{wallet_id}/withdrawals", "/transfers"):
        operation = schema["paths"][f"/api/v1{path}"]["post"]
        assert "Idempotency-Key" in {parameter["name"] for parameter in operation["parameters"]}
        assert {"Location", "Idempotent-Replayed"} <= set(operation["responses"]["201"]["headers"])


def test_the_schema_is_built_once(django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        assert Api().get("/api/schema").content == Api().get("/api/schema").content


def test_the_docs_load_nothing_from_other_sites() -> None:
    page = Api().get("/api/docs", Accept="text/html")

    assert page.status_code == 200
    html = page.content.decode()
    assert re.findall(r'(?:src|href)="(?!/)', html) == []
    assert "<style" not in html
    assert "<script>" not in html
    assert "'unsafe-inline'" not in page["Content-Security-Policy"]


def test_the_files_of_the_docs_are_served_locally() -> None:
    html = Api().get("/api/docs").content.decode()
    files = re.findall(r'(?:src|href)="/static/([^"]+)"', html)

    assert len(files) == 4
    for file in files:
        assert finders.find(file), file


def test_the_docs_use_no_external_validator() -> None:
    script = Api().get("/api/docs?script=").content.decode()

    assert '"validatorUrl": null' in script
    assert "http" not in script.replace('type === "http"', "")


def test_an_anonymous_client_may_read_the_schema_even_with_a_bad_token() -> None:
    for path in ("/api/schema", "/api/docs", "/api/errors"):
        assert Api(token="wrong").get(path).status_code == 200
