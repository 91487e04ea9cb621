"""The report as one HTML page: tables, and plots as inline SVG. It loads nothing and runs nothing."""

import time
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from ops.operations.reports import Rejects, Report

WIDTH, HEIGHT, MARGIN = 720, 200, 44
COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0")
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Logins</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 760px; margin: 2rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.5rem }} h2 {{ font-size: 1.1rem; margin-top: 2rem }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }}
th, td {{ text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd }}
td.n, th.n {{ text-align: right }} code {{ font-size: .85em; word-break: break-all }}
svg {{ width: 100%; height: auto }} svg text {{ font: 11px system-ui, sans-serif; fill: #555 }}
.legend span {{ display: inline-block; margin-right: 1rem }}
.legend i {{ display: inline-block; width: .8em; height: .8em }}
footer {{ color: #777; margin-top: 3rem }}
</style>
</head>
<body>
<h1>Logins of the last {days} days</h1>
{sections}
<footer>Made {now} UTC. Devices and addresses are pseudonyms; this page holds personal data all the same.</footer>
</body>
</html>
"""


def render_html(data: Report, *, days: int) -> str:
    """The page for what the operation `report` returns."""
    logins = data["days"]
    sections = [
        _section(
            "Logins a day",
            _bars([row["day"] for row in logins], {"logins": [row["logins"] for row in logins]}, "Logins a day"),
            _table(("day", "logins", "users", "devices", "ips"), logins),
        ),
        *(
            _section(
                f"{title} shared by several users: {shared['count']:,}",
                _table(("pseudonym", "users", "logins", "first_day", "last_day"), shared["top"]),
            )
            for shared, title in ((data["shared_devices"], "Devices"), (data["shared_ips"], "Addresses"))
        ),
        _section(
            "Rejects by day and reason",
            _bars(*_by_reason(data["rejects"]), "Rejected events a day, by reason"),
            _table(("day", "reason", "events", "deliveries"), data["rejects"]),
        ),
    ]
    now = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    return PAGE.format(days=days, sections="\n".join(sections), now=now)


def _by_reason(rejects: list[Rejects]) -> tuple[list[str], dict[str, list[int]]]:
    days = sorted({row["day"] for row in rejects})
    counts = {(row["day"], row["reason"]): row["events"] for row in rejects}
    reasons = sorted({row["reason"] for row in rejects})
    return days, {reason: [counts.get((day, reason), 0) for day in days] for reason in reasons}


def _section(title: str, *parts: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n" + "\n".join(parts) + "\n</section>"


def _table(names: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    if not rows:
        return "<p>None.</p>"
    head = "".join(_cell("th", name.replace("_", " "), number=isinstance(rows[0][name], int)) for name in names)
    body = "".join(f"<tr>{''.join(_value(name, row[name]) for name in names)}</tr>\n" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"


def _value(name: str, value: object) -> str:
    if name == "pseudonym":
        return f"<td><code>{escape(str(value))}</code></td>"
    return _cell("td", f"{value:,}" if isinstance(value, int) else str(value), number=isinstance(value, int))


def _cell(tag: str, text: str, *, number: bool) -> str:
    kind = ' class="n"' if number else ""
    return f"<{tag}{kind}>{escape(text)}</{tag}>"


def _bars(labels: list[str], series: dict[str, list[int]], title: str) -> str:
    """Stacked bars, one a label."""
    if not labels:
        return ""
    totals = [sum(values[index] for values in series.values()) for index in range(len(labels))]
    highest = max(*totals, 1)
    step = (WIDTH - MARGIN) / len(labels)
    scale = (HEIGHT - 2 * 20) / highest
    shapes: list[str] = []
    for index, label in enumerate(labels):
        bottom = float(HEIGHT - 20)
        for (name, values), colour in zip(series.items(), _cycle(len(series)), strict=True):
            height = values[index] * scale
            bottom -= height
            tip = escape(f"{label} {name}: {values[index]:,}")
            shapes.append(
                f'<rect x="{MARGIN + index * step + step * 0.1:.1f}" y="{bottom:.1f}" width="{step * 0.8:.1f}" '
                f'height="{height:.1f}" fill="{colour}"><title>{tip}</title></rect>'
            )
    marks = "".join(
        f'<text x="{MARGIN - 6}" y="{HEIGHT - 16 - value * scale:.1f}" text-anchor="end">{value:,}</text>'
        for value in sorted({0, highest})
    )
    shown = sorted({0, len(labels) // 2, len(labels) - 1})
    days = "".join(
        f'<text x="{MARGIN + (index + 0.5) * step:.1f}" y="{HEIGHT - 4}" text-anchor="middle">'
        f"{escape(labels[index])}</text>"
        for index in shown
    )
    legend = "".join(
        f'<span><i style="background:{colour}"></i> {escape(name)}</span>'
        for name, colour in zip(series, _cycle(len(series)), strict=True)
    )
    plot = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">\n'
        + "\n".join(shapes)
        + f"\n{marks}{days}\n</svg>"
    )
    return plot + (f'\n<p class="legend">{legend}</p>' if len(series) > 1 else "")


def _cycle(count: int) -> Iterable[str]:
    return [COLOURS[index % len(COLOURS)] for index in range(count)]
