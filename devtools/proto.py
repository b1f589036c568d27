"""`make proto`: generates the package `wallet_proto` from proto/, formatted as protoc leaves it."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from wallet_project.embedded import BASE_DIR

_PACKAGE = "wallet_proto"
#: protoc names Python packages after the folders of proto/. There it is `wallet`, as the protobuf package is, which is
#: too general a name for a Python package.
_IMPORT = re.compile(r"\b(from|import) wallet\.(v1|internal)\b")


def main() -> int:
    sources = sorted(str(path.relative_to(BASE_DIR / "proto")) for path in (BASE_DIR / "proto").rglob("*.proto"))
    with tempfile.TemporaryDirectory() as made:
        out = [f"--{kind}={made}" for kind in ("python_out", "pyi_out", "grpc_python_out")]
        command = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path=.", *out, *sources]
        subprocess.run(command, cwd=BASE_DIR / "proto", check=True)  # noqa: S603 - the command is ours
        for path in sorted(Path(made).rglob("*.py*")):
            target = BASE_DIR / _PACKAGE / path.relative_to(Path(made) / "wallet")
            path.write_text(_IMPORT.sub(rf"\1 {_PACKAGE}.\2", path.read_text()))
            shutil.copyfile(path, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
