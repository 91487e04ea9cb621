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
from lambda_src.contract import Body
from lambda_src.copying import CopyStream
from lambda_src.identity import sort_key
from lambda_src.masking import Salt, mask_login
from lambda_src.normal_forms import normal_ip
from lambda_src.parsing import parse_event
from lambda_src.records import make_records
from lambda_src.sqs import Message
from lambda_src.unpacking import unpack

EVENTS = 1_000
ROUNDS = 60
QUICK_ROUNDS = 5
PROFILED_LINES = 25
ALL_STAGES = "all: from records to COPY text"
# The goal speaks of a machine on which these two take so long; elsewhere their ratio carries it over.
GOAL_MICROSECONDS, GOAL_DECODE, GOAL_HMAC = 5.0, 0.3, 1.2
LOCATION = re.compile(r"(\S*/)?(\S+\.py):")

Stage = Callable[[], object]


def measure(*, quick: bool) -> dict[str, Any]:
    """Microseconds an event for each stage and for both references, and the profile of the whole."""
    records = Batches(seed=2).make(EVENTS)["Records"]
    salt = Salt(os.urandom(32), 1)
    events = list(unpack(records, None))
    logins = [parse_event(event) for event in events]
    rows = [mask_login(login, salt) for login in logins]
    bodies = [record["body"] for record in records]
    ips = [login.body.ip for login in logins]
    addresses = [b"ip\0" + ip.encode() for ip in ips]
    decode = msgspec.json.Decoder(Body).decode
    key = os.urandom(32)
    stages: dict[str, Stage] = {
        "reference: msgspec decodes the body": lambda: [decode(body) for body in bodies],
        "reference: hmac.digest": lambda: [hmac.digest(key, data, "sha256").hex() for data in addresses],
        "events: taken from the messages, sorted": lambda: sorted(unpack(records, None), key=sort_key),
        "parse: check, normal forms": lambda: [parse_event(event) for event in events],
        "of it: normal form of the ip": lambda: [normal_ip(ip) for ip in ips],
        "mask: both pseudonyms, the line for COPY": lambda: [mask_login(login, salt) for login in logins],
        "of it: two HMACs from copied states": lambda: [
            (salt.mask("ip", login.body.ip), salt.mask("device_id", login.body.device_id)) for login in logins
        ],
        "rows as COPY text": lambda: _drain(CopyStream(rows)),
        ALL_STAGES: lambda: _make_all(records, salt),
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
    total = samples[ALL_STAGES].best
    references = sum(samples[name].best for name in samples if name.startswith("reference"))
    return {
        "stages": {name: sample.as_dict() for name, sample in samples.items()},
        "ratio": round(total / references, 2),  # to one decode and one HMAC
        "goal": round(GOAL_MICROSECONDS / (GOAL_DECODE + GOAL_HMAC), 2),
        "profile": _profile(stages[ALL_STAGES]),
    }


def _make_all(messages: list[Message], salt: Salt) -> None:
    events = sorted(unpack(messages, None), key=sort_key)
    _drain(CopyStream(make_records(events, salt)))


def _drain(stream: CopyStream) -> None:
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
