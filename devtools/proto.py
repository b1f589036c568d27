"""`make proto`: generates the package `wallet_proto` from proto/."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from wallet_project.embedded import BASE_DIR

PACKAGE = "wallet_proto"
#: protoc names Python packages after the folders of proto/. There the folder is `wallet`, like the protobuf package,
#: but that is too general a name for a Python package.
_IMPORT = re.compile(r"\b(from|import) wallet\.(v1|internal)\b")


def proto_generate(target: Path) -> list[Path]:
    """Generates the package's modules and stubs into the folder `target`. Returns their paths, relative to it."""
    sources = sorted(str(path.relative_to(BASE_DIR / "proto")) for path in (BASE_DIR / "proto").rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        outputs = [f"--{kind}={folder}" for kind in ("python_out", "pyi_out", "grpc_python_out")]
        command = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path=.", *outputs, *sources]
        subprocess.run(command, cwd=BASE_DIR / "proto", check=True)  # noqa: S603 - a fixed command
        generated = Path(folder) / "wallet"
        made = sorted(path.relative_to(generated) for path in generated.rglob("*.py*"))
        for path in made:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_text(_IMPORT.sub(rf"\1 {PACKAGE}.\2", (generated / path).read_text()))
    return made


def main() -> int:
    proto_generate(BASE_DIR / PACKAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
