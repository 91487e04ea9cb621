"""Finds a Python of the version that the functions run in."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

PYTHON_VERSION = "3.13"


@cache
def python313() -> str | None:
    """Return a Python 3.13 of this machine (PYTHON313, this one, the PATH's, pyenv's), or None."""
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{PYTHON_VERSION}.*/bin/python{PYTHON_VERSION}"))
    on_path = shutil.which(f"python{PYTHON_VERSION}")
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in filter(None, [os.environ.get("PYTHON313"), sys.executable, on_path, *map(str, pyenv)]):
        try:
            answer = subprocess.run([candidate, "-c", question], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if answer.stdout.strip() == PYTHON_VERSION:
            return candidate
    return None
