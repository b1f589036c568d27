"""nginx with the configuration of deploy/nginx, in front of a site in the tests."""

import getpass
import gzip
import re
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from tests.nginx import nginx_path
from tests.rpc.certificates import certificate
from tests.rpc.server import free_port
from tests.settlement.waiting import wait_until

#: A file with a fingerprint in its name, and its name without one.
FINGERPRINTED = "/static/css/base.0123456789ab.css"
PLAIN_NAME = "/static/css/base.css"
STYLE = b"body { color: black }\n" * 100


class Proxy:
    """Plain HTTP at `port`, TLS at `tls_port`."""

    def __init__(self, folder: Path, *, site_port: int) -> None:
        self.port, self.tls_port = free_port(), free_port()
        self._folder = folder
        self._site_port = site_port
        self._process: subprocess.Popen[bytes] | None = None
        shutil.copytree(settings.BASE_DIR / "deploy" / "nginx", folder / "conf")
        shutil.move(folder / "conf" / "tls.conf", folder / "conf" / "servers" / "tls.conf")
        for path in (folder / "conf").rglob("*.conf"):
            path.write_text(self._adapted(path.read_text()))
        self._files_make()

    def check(self) -> str:
        """What nginx says about its configuration. Raises CalledProcessError if it refuses it."""
        done = subprocess.run([*self._command(), "-t"], capture_output=True, text=True, check=True)
        return done.stderr

    def start(self) -> None:
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        wait_until(self._answers, what="nginx answers")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def _command(self) -> list[str]:
        path = nginx_path()
        assert path, "these tests are left out where there is no nginx"
        options = f"daemon off; user {getpass.getuser()};"
        return [path, "-e", "stderr", "-c", str(self._folder / "conf" / "nginx.conf"), "-g", options]

    def _adapted(self, text: str) -> str:
        """The places of the image, in the folder of the test."""
        for old, new in {
            # First, because the folder is below /tmp itself.
            "/tmp/": f"{self._folder}/",
            # An address, which needs no name server. Only nginx 1.27.3 and later know `resolve`.
            "server web:8000 resolve": f"server 127.0.0.1:{self._site_port}",
            "listen 8080": f"listen 127.0.0.1:{self.port}",
            "listen 8443": f"listen 127.0.0.1:{self.tls_port}",
            "/etc/nginx/wallet/": f"{self._folder}/conf/",
            "/etc/nginx/tls/": f"{self._folder}/tls/",
            "root /srv": f"root {self._folder}/srv",
        }.items():
            text = text.replace(old, new)
        if _version() < (1, 25, 1):
            # Older releases have no directive of its own for it.
            text = text.replace("    http2 on;\n", "").replace("ssl default_server", "ssl http2 default_server")
        return text

    def _files_make(self) -> None:
        tls = self._folder / "tls"
        tls.mkdir()
        chain, key = certificate(tls)
        chain.rename(tls / "certificate.pem")
        assert key == tls / "key.pem"
        for name in (FINGERPRINTED, PLAIN_NAME):
            path = self._folder / "srv" / name[1:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(STYLE)
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(STYLE))

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        return False


def _version() -> tuple[int, ...]:
    path = nginx_path()
    assert path
    said = subprocess.run([path, "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"nginx/([0-9.]+)", said)
    assert found
    return tuple(map(int, found[1].split(".")))
