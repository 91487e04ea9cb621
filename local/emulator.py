"""Installs AWS's Runtime Interface Emulator, a program in the wheel of aws-sam-cli, by its hash on first use.

`python -m local.emulator` fetches it. aws-sam-cli itself is not installed: it would bring another version of typer.
"""

import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from uv import find_uv_bin

from local.errors import LocalStackError

LOCK = Path(__file__).with_name("emulator.txt")
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def emulator_runs_here() -> bool:
    """Returns whether AWS's emulator, a Linux program, can run on this machine."""
    return platform.system() == "Linux" and platform.machine().lower() in ARCHITECTURES


def get_emulator() -> Path:
    """Returns the path of the emulator's program, and fetches it if it is missing; raises LocalStackError."""
    if not emulator_runs_here():
        raise LocalStackError("AWS's runtime emulator runs on Linux only: use --in-process.")
    name = f"aws-lambda-rie-{ARCHITECTURES[platform.machine().lower()]}"
    folder = Path(sys.prefix) / "emulator"
    program = folder / "samcli" / "local" / "rapid" / name
    if not program.exists():
        _fetch(folder)
        program.chmod(0o755)
    return program


def _fetch(folder: Path) -> None:
    """Installs the wheel into `folder`, atomically."""
    print("Fetching AWS's runtime emulator, once …", file=sys.stderr, flush=True)
    # Without a cache: the home directory may be read-only.
    options = ("--quiet", "--no-cache", "--no-deps", "--require-hashes", "--python", sys.executable)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".emulator-") as scratch:
        draft = Path(scratch) / "wheel"
        command = [find_uv_bin(), "pip", "install", *options, "--target", str(draft), "-r", str(LOCK)]
        finished = subprocess.run(command, check=False, capture_output=True, text=True)
        if finished.returncode != 0:
            raise LocalStackError(f"AWS's runtime emulator cannot be fetched:\n{finished.stderr.strip()}")
        if not folder.exists():
            draft.rename(folder)


if __name__ == "__main__" and emulator_runs_here():
    get_emulator()
