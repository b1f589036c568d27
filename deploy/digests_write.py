"""Prints a compose file that pins the content of each image that the site is made from:

    python3 deploy/digests_write.py > docker-compose.digests.yml

A tag, even an exact version, can be given to other content later; a digest cannot. The digests are those of the images
that this machine's engine has; those that it does not have are pulled. Needs Docker's command with Compose and
BuildKit, and nothing but Python's standard library. Services of a profile are included if the profile is active.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

_BASE = re.compile(r"^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE | re.MULTILINE)
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")
_DOCKERFILE = Path(__file__).parent.parent / "Dockerfile"


def main() -> int:
    try:
        services = json.loads(_docker("compose", "config", "--format", "json"))["services"]
        found = lines(services, bases=bases(_DOCKERFILE.read_text()))
        sys.stdout.write("".join(f"{line}\n" for line in found))
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"{error.stderr}{error}\n")
        return 1
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def bases(dockerfile: str) -> list[str]:
    """The images of others that the Dockerfile begins with."""
    found = _BASE.findall(dockerfile)
    stages = {stage for _, stage in found}
    return sorted({image for image, _ in found} - stages)


def lines(services: Mapping[str, Mapping[str, Any]], *, bases: Iterable[str]) -> Iterator[str]:
    """The lines of the compose file."""
    built = {service["image"] for service in services.values() if "build" in service}
    pinned_bases = [f"{base}=docker-image://{pinned(base)}" for base in bases]
    yield "# Written by deploy/digests_write.py. Write it again to take later content of the same versions."
    yield "services:"
    for name, service in sorted(services.items()):
        if "build" in service:
            yield from (f"  {name}:", "    build:", "      additional_contexts:")
            yield from (f'        - "{base}"' for base in pinned_bases)
        elif service["image"] not in built:
            yield from (f"  {name}:", f'    image: "{pinned(service["image"])}"')


def pinned(image: str) -> str:
    """The name of the image with the digest of its content. Raises ValueError for an image that has none."""
    tag = image.partition("@")[0]
    try:
        found = _docker("image", "inspect", "--format", "{{json .RepoDigests}}", tag)
    except subprocess.CalledProcessError:
        _docker("pull", "--quiet", tag)
        found = _docker("image", "inspect", "--format", "{{json .RepoDigests}}", tag)
    digests = [match[1] for name in json.loads(found) or [] if (match := _DIGEST.search(name))]
    if not digests:
        raise ValueError(f"{tag} has no digest: it was built here, or loaded from a file.")
    return f"{tag}@{digests[0]}"


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout  # noqa: S603, S607


if __name__ == "__main__":
    sys.exit(main())
