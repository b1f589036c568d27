"""deploy/digests_write.py pins the images of a compose site, here with a stand-in for Docker's command."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from wallet_project.embedded import BASE_DIR

SCRIPT = BASE_DIR / "deploy" / "digests_write.py"
#: Answers as Docker does. It has pulled all but what PULLED lacks; "wallet" was built and has no digest.
DOCKER = f"""#!{sys.executable}
import hashlib, json, os, sys, yaml
from pathlib import Path
words, has = sys.argv[1:], Path(os.environ["PULLED"])
if words[:2] == ["compose", "config"]:
    print(json.dumps({{"services": yaml.safe_load(Path(os.environ["COMPOSE"]).read_text())["services"]}}))
elif words[0] == "pull":
    (has / words[-1].replace("/", "_")).touch()
else:
    image = words[-1]
    if not (has / image.replace("/", "_")).exists():
        sys.exit(f"Error: No such image: {{image}}")
    repository = image.partition(":")[0]
    digest = hashlib.sha256(image.encode()).hexdigest()
    print("[]" if repository == "loaded" else json.dumps([f"{{repository}}@sha256:{{digest}}"]))
"""


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    """The folder of the stand-in, and of what it has pulled."""
    (tmp_path / "pulled").mkdir()
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    return tmp_path


def write(docker: Path, compose: Path = BASE_DIR / "docker-compose.yml") -> subprocess.CompletedProcess[str]:
    places = {"PATH": str(docker), "PULLED": str(docker / "pulled"), "COMPOSE": str(compose)}
    return subprocess.run([sys.executable, SCRIPT], env=places, capture_output=True, text=True, check=False)


def test_it_pins_every_image_that_is_not_built_here(docker: Path) -> None:
    written = yaml.safe_load(write(docker).stdout)["services"]
    site = yaml.safe_load((BASE_DIR / "docker-compose.yml").read_text())["services"]
    pinned = {name: service["image"].partition("@sha256:") for name, service in written.items() if "image" in service}
    assert {name: image for name, (image, _, _) in pinned.items()} == {
        name: service["image"] for name, service in site.items() if service["image"] not in {"wallet", "wallet-nginx"}
    }
    assert all(len(digest) == 64 for _, _, digest in pinned.values())


def test_it_pins_the_base_images_of_those_that_are(docker: Path) -> None:
    written = yaml.safe_load(write(docker).stdout)["services"]
    builds = {name: service["build"]["additional_contexts"] for name, service in written.items() if "build" in service}
    assert set(builds) == {"nginx", "secrets"}
    for contexts in builds.values():
        pairs = dict(context.split("=docker-image://") for context in contexts)
        assert all(pin.startswith(f"{base}@sha256:") for base, pin in pairs.items())
        froms = [line.split()[1] for line in (BASE_DIR / "Dockerfile").read_text().splitlines() if "FROM" in line[:4]]
        assert set(pairs) == set(froms)


def test_it_pins_anew_what_is_pinned(docker: Path, tmp_path: Path) -> None:
    compose = tmp_path / "compose.yml"
    compose.write_text(yaml.safe_dump({"services": {"redis": {"image": f"redis:8@sha256:{'0' * 64}"}}}))
    image = yaml.safe_load(write(docker, compose).stdout)["services"]["redis"]["image"]
    assert image.startswith("redis:8@sha256:")
    assert "000" not in image


def test_it_says_which_image_has_no_digest(docker: Path, tmp_path: Path) -> None:
    compose = tmp_path / "compose.yml"
    compose.write_text(yaml.safe_dump({"services": {"redis": {"image": "loaded:8"}}}))
    done = write(docker, compose)
    assert (done.returncode, done.stdout) == (1, "")
    assert "loaded:8 has no digest" in done.stderr


def test_it_says_what_docker_says(docker: Path) -> None:
    (docker / "docker").write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2; exit 1\n")
    done = write(docker)
    assert done.returncode == 1
    assert "Cannot connect to the Docker daemon" in done.stderr
