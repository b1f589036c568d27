"""Bodies: a megabyte at most, no uploads, nothing on a disk."""

import tempfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, encode_multipart

from tests.pages.kit import text_of

#: Not MULTIPART_CONTENT itself: for that, the client would encode the body once more.
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
UPLOAD = encode_multipart(BOUNDARY, {"login": "alice", "file": SimpleUploadedFile("a.txt", b"x" * 500_000)})


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/login/", "/send/", "/admin/login/", "/nothing/"])
def test_no_page_accepts_an_upload(client: Client, path: str) -> None:
    response = client.post(path, UPLOAD, content_type=MULTIPART)
    assert response.status_code == 415
    assert "Error 415" in text_of(response)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/api/v1/me", "/api/nothing"])
def test_the_api_accepts_no_upload(client: Client, path: str) -> None:
    response = client.post(path, UPLOAD, content_type=MULTIPART)
    assert response.status_code == 415
    assert response.json()["code"] == "unsupported_media_type"


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["multipart/mixed; boundary=x", "MULTIPART/Form-Data; boundary=x"])
def test_no_other_kind_of_multipart_passes(client: Client, kind: str) -> None:
    assert client.post("/accounts/login/", b"--x--", content_type=kind).status_code == 415


@pytest.mark.django_db
def test_an_upload_leaves_nothing_on_the_disk(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    large = encode_multipart(BOUNDARY, {"file": SimpleUploadedFile("a.txt", b"x" * 1_000_000)})
    client.post("/accounts/login/", large, content_type=MULTIPART)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db
@pytest.mark.parametrize(("size", "is_read"), [(1_048_576, True), (1_048_577, False)])
@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/", "/nothing/"])
def test_a_form_of_more_than_a_megabyte_is_not_read(client: Client, path: str, size: int, is_read: bool) -> None:
    body = b"login=" + b"x" * (size - 6)
    response = client.post(path, body, content_type="application/x-www-form-urlencoded")
    assert (response.status_code != 413) == is_read
    assert is_read or "Error 413" in text_of(response)
