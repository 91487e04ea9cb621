"""CPU time of one event without a database, stage by stage, as multiples of two operations that every machine knows."""

import cProfile
import hmac
import io
import os
import pstats
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec

from bench.events import Batches
from bench.sampling import Sample, in_turns
from lambda_src.contract import Body, normal_ip, parse_records
from lambda_src.database import ROWS_A_CHUNK, _CopyStream
from lambda_src.handler import Batch
from lambda_src.masking import Salt, mask_device_ids, mask_ips, mask_logins

EVENTS = 2_000
ROUNDS = 60
QUICK_ROUNDS = 5
PROFILED_LINES = 25
# The goal speaks of a machine on which these two take so long; elsewhere their ratio carries it over.
GOAL_MICROSECONDS, GOAL_DECODE, GOAL_HMAC = 5.0, 0.3, 1.2
LOCATION = re.compile(r"(\S*/)?(\S+\.py):")

Stage = Callable[[], object]


def measure(*, quick: bool) -> dict[str, Any]:
    """Microseconds an event for each stage and for both references, and the profile of the whole."""
    records = Batches(seed=2).make(EVENTS)["Records"]
    salt = Salt(os.urandom(32), 1)
    chunks = [records[start : start + ROWS_A_CHUNK] for start in range(0, EVENTS, ROWS_A_CHUNK)]
    logins = [parse_records(chunk)[0] for chunk in chunks]
    rows = [mask_logins(each, salt) for each in logins]
    bodies = [record["body"] for record in records]
    ips = [ip for each in logins for ip in each.ips]
    addresses = [b"ip\0" + ip.encode() for ip in ips]
    decode = msgspec.json.Decoder(Body).decode
    key = os.urandom(32)
    stages: dict[str, Stage] = {
        "reference: msgspec decodes the body": lambda: [decode(body) for body in bodies],
        "reference: hmac.digest": lambda: [hmac.digest(key, data, "sha256").hex() for data in addresses],
        "parse: check, normal forms": lambda: [parse_records(chunk) for chunk in chunks],
        "of it: normal form of the ip": lambda: [normal_ip(ip) for ip in ips],
        "mask: both pseudonyms, the columns": lambda: [mask_logins(each, salt) for each in logins],
        "of it: two HMACs from copied states": lambda: [
            (mask_ips(each.ips, salt), mask_device_ids(each.device_ids, salt)) for each in logins
        ],
        "rows as COPY text": lambda: _drain(_CopyStream(rows)),
        "all: from records to COPY text": lambda: _drain(_CopyStream(Batch(records).mask(salt))),
    }
    taken: dict[str, list[float]] = {name: [] for name in stages}

    def turn(name: str) -> Callable[[int], None]:
        def run(_: int) -> None:
            started = time.perf_counter()
            stages[name]()
            taken[name].append((time.perf_counter() - started) / EVENTS)

        return run

    in_turns(QUICK_ROUNDS if quick else ROUNDS, [turn(name) for name in stages])
    samples = {name: Sample.of(seconds) for name, seconds in taken.items()}
    total = samples["all: from records to COPY text"].best
    references = sum(samples[name].best for name in samples if name.startswith("reference"))
    return {
        "stages": {name: sample.as_dict() for name, sample in samples.items()},
        "ratio": round(total / references, 2),  # to one decode and one HMAC
        "goal": round(GOAL_MICROSECONDS / (GOAL_DECODE + GOAL_HMAC), 2),
        "profile": _profile(stages["all: from records to COPY text"]),
    }


def _drain(stream: _CopyStream) -> None:
    while stream.read():
        pass


def _profile(stage: Stage) -> str:
    profile = cProfile.Profile()
    profile.runcall(stage)
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(PROFILED_LINES)
    lines = text.getvalue().splitlines()
    start = next(number for number, line in enumerate(lines) if "ncalls" in line)
    return "\n".join(LOCATION.sub(r"\2:", line).rstrip() for line in lines[start:] if line.strip())
