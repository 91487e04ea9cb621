"""The settings of queue and function."""

from dataclasses import dataclass

from infra.delivery import MAX_OUTAGE_MINUTES, OUTAGE_MINUTES, OUTAGE_MINUTES_WITHOUT_QUARANTINE
from infra.settings.values import flag, number, setting, text
from lambda_src.envelopes import OPENERS


@dataclass(frozen=True, kw_only=True)
class QueueSettings:
    """Batches, outages and the function's size; each field is one context key."""

    batch_size: int = setting(number(1, 10000), "messages in one invocation, at most", default=1000)
    batch_window: int = setting(number(0, 300), "seconds that a batch may wait to fill", default=5)
    function_timeout: int = setting(number(5, 900), "seconds that one batch may take", default=30)
    memory: int = setting(number(128, 10240), "memory of the function in MB (1769 is one processor)", default=1024)
    quarantine: bool = setting(
        flag,
        "have the function send a rejected message to the DLQ itself, at once and with the reason",
        default=True,
    )
    envelope: str = setting(
        text("|".join(("none", *OPENERS)), f"one of none, {', '.join(OPENERS)}"),
        f"what is around each event: none, {', '.join(OPENERS)}",
        default="none",
    )
    outage_minutes: int | None = setting(
        number(1, MAX_OUTAGE_MINUTES),
        "minutes of an outage that a good message survives without going to the DLQ; by default "
        f"{OUTAGE_MINUTES}, and {OUTAGE_MINUTES_WITHOUT_QUARANTINE} without quarantine",
        default=None,
    )
    reserve_concurrency: bool = setting(
        flag, "reserve the function's concurrency (false in accounts with a quota of 10)", default=True
    )
    endpoint_url: str | None = setting(
        text(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?", "an address such as http://localhost:4566"),
        "AWS endpoint for the functions, for emulators that do not tell them",
        default=None,
    )
