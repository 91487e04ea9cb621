"""Prints the figures of `report` in the terminal."""

from typing import TYPE_CHECKING

from ops.output import pick
from ops.period_text import TOTALS, describe_change, describe_period

if TYPE_CHECKING:
    from ops.operations.reports import Report, Size
    from ops.output import Output


def print_report(output: "Output", data: "Report") -> None:
    """Prints the figures as tables."""
    period = data["period"]
    now, before = period["totals"], period["before"]
    output.line(describe_period(period))
    output.table(
        "Totals",
        ("total", "number", "change"),
        [(name, now[key], describe_change(now[key], before[key])) for key, name in TOTALS.items()],
    )
    names: tuple[str, ...] = ("day", "logins", "users", "devices", "ips", "new_devices")
    output.table("Logins a day", [name.replace("_", " ") for name in names], pick(data["days"], *names))
    for shared, title in ((data["shared_devices"], "Devices"), (data["shared_ips"], "Addresses")):
        names = ("pseudonym", "users", "logins", "first_day", "last_day")
        output.table(
            f"{title} of several users ({shared['count']:,})",
            [name.replace("_", " ") for name in names],
            pick(shared["top"], *names),
        )
        if shared["count"]:
            output.table(f"{title} by their number of users", ("users", "pseudonyms"), _sizes(shared["sizes"]))
    names = ("day", "reason", "events", "deliveries")
    output.table("Rejects", names, pick(data["rejects"], *names))


def _sizes(sizes: "list[Size]") -> "list[tuple[str, int]]":
    return [(size["users"], size["pseudonyms"]) for size in sizes if size["pseudonyms"]]
