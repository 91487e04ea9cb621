"""The Docker engine of this machine: whether there is one, and which images it has."""

import os
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 600  # seconds


def docker(
    *words: str, check: bool = True, variables: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Runs `docker` in the tree's root; fails the test where it fails, unless `check` is false."""
    finished = subprocess.run(
        ["docker", *words],  # noqa: S607  whichever the machine has
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | dict(variables or {}),
        timeout=PATIENCE,
    )
    assert finished.returncode == 0 or not check, f"docker {' '.join(words)}\n{finished.stdout}\n{finished.stderr}"
    return finished


@cache
def find_fault() -> str | None:
    """Why nothing can be tested here; None where an engine runs and Compose is there."""
    try:
        for words in (("info", "--format", "{{.ServerVersion}}"), ("compose", "version")):
            finished = docker(*words, check=False)
            if finished.returncode != 0:
                return f"docker {words[0]}: {finished.stderr.strip()}"
    except FileNotFoundError:
        return "there is no program `docker`"
    return None


def pinned(file: str, name: str) -> str:
    """The image that a file pins, in full."""
    (found,) = re.findall(rf"{name}:[\w.-]+@sha256:[0-9a-f]{{64}}", (ROOT / file).read_text(encoding="utf-8"))
    return str(found)


@cache
def obtain(reference: str) -> str | None:
    """An image that stands for a pinned one: itself, or without a registry what the engine has under its tag."""
    tag = reference.partition("@")[0]
    for command, image in (("inspect", reference), ("pull", reference), ("inspect", tag)):
        if docker("image", command, image, check=False).returncode == 0:
            return image
    return None
