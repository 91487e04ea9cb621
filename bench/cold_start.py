"""What the first invocation waits for: imports, the first salt, the first connection; and how large the bundle is."""

import json
import os
import platform
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.sampling import Sample, in_turns
from bench.servers import Servers

ROOT = Path(__file__).resolve().parent.parent
BUNDLES = ROOT / "build" / "bundle"
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
ROUNDS = 15
QUICK_ROUNDS = 3
HEAVY_MILLISECONDS = 3.0
IMPORT_TIME = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)")

TIMED_IMPORT = """
import time
started = time.perf_counter()
import {module}
print(time.perf_counter() - started)
"""
# The steps that an execution environment takes before and during its first invocation.
FIRST_INVOCATION = """
import json, sys, time
started = time.perf_counter()
from lambda_src import handler
imported = time.perf_counter()
from bench.events import Batches, Context
events = [Batches(seed).make(10) for seed in (3, 4)]
resources_from = time.perf_counter()
resources = handler.get_resources()
resources.salts.get()
salted = time.perf_counter()
with resources.database._cursor(handler.Terms()) as cursor:
    cursor.execute("SELECT")
connected = time.perf_counter()
handler.lambda_handler(events[0], Context())
first = time.perf_counter()
handler.lambda_handler(events[1], Context())
second = time.perf_counter()
print(json.dumps({
    "import of the handler": imported - started, "first salt": salted - resources_from,
    "first connection": connected - salted, "first batch of 10 after that": first - connected,
    "second batch of 10": second - first}), file=sys.stderr)
"""


def measure(servers: Servers, *, quick: bool) -> dict[str, Any]:
    """Seconds of each import and step, each in processes of its own, and bytes of the bundle by package."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    imports: dict[str, list[float]] = {name: [] for name in ("boto3", "lambda_src.handler")}
    steps: dict[str, list[float]] = {}

    def import_(module: str) -> None:
        output = _python(TIMED_IMPORT.format(module=module), servers).stdout
        imports[module].append(float(output.splitlines()[-1]))

    def invoke(_: int) -> None:
        output = _python(FIRST_INVOCATION, servers).stderr
        for name, seconds in json.loads(output.splitlines()[-1]).items():
            steps.setdefault(name, []).append(seconds)

    for module in imports:
        import_(module)  # so that bytecode is there
    in_turns(rounds, [*(partial(_ignore_round, import_, module) for module in imports), invoke])
    samples = {name: Sample.of(seconds) for name, seconds in imports.items()}
    return {
        "imports": {name: sample.as_dict() for name, sample in samples.items()},
        "ratio": round(samples["lambda_src.handler"].best / samples["boto3"].best, 3),
        "median_ratio": round(samples["lambda_src.handler"].median / samples["boto3"].median, 3),
        "heavy": _heavy_imports(servers),
        "steps": {name: Sample.of(seconds).as_dict() for name, seconds in steps.items()},
        "bundle": bundle_sizes(),
    }


def bundle_sizes() -> dict[str, Any] | None:
    """Bytes of the newest bundle for this machine's processor, by package; None where `make bundle` was not run."""
    bundles = list(BUNDLES.glob(f"{ARCHITECTURES.get(platform.machine().lower(), 'x86_64')}-*"))
    if not bundles:
        return None
    newest = max(bundles, key=lambda path: path.stat().st_ctime)
    sizes: Counter[str] = Counter()
    for path in newest.rglob("*"):
        if path.is_file():
            sizes[path.relative_to(newest).parts[0]] += path.stat().st_size
    return {"bytes": sum(sizes.values()), "largest": dict(sizes.most_common(8))}


def _ignore_round(measure_one: Callable[[str], None], module: str, _: int) -> None:
    measure_one(module)


def _heavy_imports(servers: Servers) -> dict[str, float]:
    """Milliseconds by package of what the handler imports, itself and its children in the same package together."""
    lines = _python("import lambda_src.handler", servers, "-X", "importtime").stderr.splitlines()
    own: Counter[str] = Counter()
    for line in lines:
        if match := IMPORT_TIME.match(line):
            own[_package(match[4])] += int(match[1])
    heavy = {name: round(microseconds / 1000, 1) for name, microseconds in own.most_common()}
    return {name: milliseconds for name, milliseconds in heavy.items() if milliseconds >= HEAVY_MILLISECONDS}


def _package(module: str) -> str:
    top = module.split(".", maxsplit=1)[0]
    if top.startswith("_") or top in sys.stdlib_module_names:
        return "Python's standard library"
    if top == "aws_lambda_powertools":
        return ".".join(module.split(".")[:2])
    return top


def _python(code: str, servers: Servers, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **servers.environment, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
