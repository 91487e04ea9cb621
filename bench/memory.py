"""Resident memory of the function's process at each batch size, above that of the idle process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.servers import Servers

ROOT = Path(__file__).resolve().parent.parent
SIZES = (10, 1_000, 10_000)
# VmHWM is the peak since it was last reset: https://docs.kernel.org/filesystems/proc.html, clear_refs.
CHILD = """
import gc, json, sys
from lambda_src.handler import lambda_handler
from bench.events import Batches, Context

def kilobytes(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name))

def reset_peak():
    gc.collect()
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")

batches = Batches(seed=5)
lambda_handler(batches.make(10), Context())
text = json.dumps(batches.make({size}))
del batches
reset_peak()
idle = kilobytes("VmRSS")
event = json.loads(text)
received = kilobytes("VmRSS")
lambda_handler(event, Context())
print(json.dumps({{"idle": idle, "event": received - idle, "peak": kilobytes("VmHWM") - idle}}), file=sys.stderr)
"""


def measure(servers: Servers) -> dict[str, Any]:
    """Megabytes: of the idle process, and above it of the decoded event alone and at the peak of its invocation."""
    return {str(size): _measure_size(servers, size) for size in SIZES}


def _measure_size(servers: Servers, size: int) -> dict[str, float]:
    environment = {**os.environ, **servers.environment, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(size=size)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return {name: round(kilobytes / 1000, 1) for name, kilobytes in json.loads(done.stderr.splitlines()[-1]).items()}
