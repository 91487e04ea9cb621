"""Makes the page: totals, plots, shared devices and addresses, and all figures in collapsed tables."""

import time
from collections.abc import Callable
from html import escape

from ops.operations.reports import Report, Shared
from ops.output import counted
from ops.page.charts import Spec, logins_chart, new_devices_chart, rejects_chart, sizes_chart
from ops.page.drawing import draw
from ops.page.style import STYLE
from ops.page.tables import make_table
from ops.period_text import TOTALS, describe_change, describe_period

WIDTHS = {"wide": 748, "narrow": 358}  # of the page on a wide screen, and on a phone
TOP_SHOWN = 10  # pseudonyms before the folded tables
SHARING = ("pseudonym", "users", "logins", "first_day", "last_day")
WORSE = "rejects"  # the figure whose increase is shown as worse

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Logins {first} to {last}</title>
<style>{style}</style>
</head>
<body>
<h1>Logins</h1>
<p class="quiet">{period}</p>
{parts}
<footer>Made {now}. All days are UTC, and today is not over. Devices and addresses are pseudonyms, shortened;
this page holds personal data all the same.</footer>
</body>
</html>
"""


def render_html(data: Report) -> str:
    """Returns the page for the result of the operation `report`."""
    period = data["period"]
    parts = [
        _tiles(data),
        _plot("Logins and users a day", logins_chart, data, has_data=bool(data["days"])),
        _plot("Rejected events a day, by reason", rejects_chart, data, has_data=bool(data["rejects"])),
        _sharing(data),
        _plot(
            "New devices a day",
            new_devices_chart,
            data,
            "Devices without a login on an earlier day that is still stored.",
            has_data=bool(period["totals"]["new_devices"]),
        ),
        _folded_tables(data),
    ]
    return PAGE.format(
        first=period["first_day"],
        last=period["last_day"],
        style=STYLE,
        period=describe_period(period),
        parts="\n".join(parts),
        now=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def _tiles(data: Report) -> str:
    now, before = data["period"]["totals"], data["period"]["before"]
    tiles = []
    for key, name in TOTALS.items():
        figure, previous = now[key], before[key]
        kind = "worse" if key == WORSE and figure > previous else "quiet"
        change = f'<dd class="{kind}">{describe_change(figure, previous)}</dd>'
        tiles.append(f'<div><dt>{name}</dt><dd class="figure">{figure:,}</dd>{change}</div>')
    return "\n".join(['<dl class="tiles">', *tiles, "</dl>"])


def _plot(title: str, chart: Callable[[Report, int], Spec], data: Report, note: str = "", *, has_data: bool) -> str:
    if not has_data:
        return _section(title, "<p>None.</p>")
    explained = [f'<p class="quiet">{note}</p>'] if note else []
    return _section(title, *explained, *(draw(chart(data, width), title, kind) for kind, width in WIDTHS.items()))


def _sharing(data: Report) -> str:
    devices, ips = data["shared_devices"], data["shared_ips"]
    title = "Devices and addresses that several users share"
    if not (devices["count"] or ips["count"]):
        return _section(title, "<p>None.</p>")
    found = f"{counted(devices['count'], 'device')} and {counted(ips['count'], 'address', 'addresses')}"
    plots = (draw(sizes_chart(data, width), title, kind) for kind, width in WIDTHS.items())
    tops = (
        f"<h3>{name} of most users</h3>\n{make_table(SHARING, shared['top'][:TOP_SHOWN])}"
        for name, shared in _shared(data)
        if shared["count"]
    )
    return _section(title, f'<p class="quiet">{found}, in all logins that are stored.</p>', *plots, *tops)


def _folded_tables(data: Report) -> str:
    tables = {
        "Figures by day": make_table(("day", "logins", "users", "devices", "ips", "new_devices"), data["days"]),
        "Rejects by day and reason": make_table(("day", "reason", "events", "deliveries"), data["rejects"]),
    }
    for name, shared in _shared(data):
        tables[f"{name} by their number of users"] = make_table(("users", "pseudonyms"), shared["sizes"])
        if len(shared["top"]) > TOP_SHOWN:
            tables[f"{name} of most users"] = make_table(SHARING, shared["top"])
    folded = (f"<details>\n<summary>{name}</summary>\n{table}\n</details>" for name, table in tables.items())
    return "<h2>Tables</h2>\n" + "\n".join(folded)


def _shared(data: Report) -> list[tuple[str, Shared]]:
    return [("Devices", data["shared_devices"]), ("Addresses", data["shared_ips"])]


def _section(title: str, *parts: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n" + "\n".join(parts) + "\n</section>"
