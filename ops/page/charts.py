"""The plots of the report as Vega-Lite specifications. Colours are variables of the page's style sheet."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from ops.operations.reports import Report

Spec = dict[str, Any]

MOST_BARS = 92  # days; a longer period is drawn as an area
NUMBER_ROOM = 1.15  # how much longer than the longest bar an axis is, so that its number fits beside it
TICKS = 4  # of an axis with numbers, about
LABEL_WIDTH = 60  # of a day on the axis
MOST_DAYS = 300  # with the day of the month on the axis, and without the year
LEGEND_WIDTH = 170  # of a reason and its colour
MOST_REASONS = 7  # of their own colour
OTHERS = "other reasons"
COLOURS = [f"var(--c{number})" for number in range(1, MOST_REASONS + 2)]
CONFIG: Spec = {
    "font": "system-ui, sans-serif",
    "axis": {
        "labelColor": "var(--quiet)",
        "labelFontSize": 12,
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "titleColor": "var(--quiet)",
        "titleFontWeight": "normal",
        "titleFontSize": 12,
    },
    "legend": {
        "orient": "top",
        "title": None,
        "labelColor": "var(--text)",
        "labelFontSize": 12,
        "symbolType": "square",
        "columnPadding": 24,  # browsers' fonts are wider than the one that is measured here
    },
    "view": {"stroke": None},
}


def days_of(report: Report) -> list[str]:
    """Returns every day from the first to the last; an event with a fast clock may add future days."""
    first = date.fromisoformat(report["period"]["first_day"])
    last = max([report["period"]["last_day"], *(row["day"] for row in report["days"])])
    return [(first + timedelta(number)).isoformat() for number in range((date.fromisoformat(last) - first).days + 1)]


def logins_chart(report: Report, width: int) -> Spec:
    """Draws logins per day as bars, and their users as a line."""
    days = days_of(report)
    known = {row["day"]: row for row in report["days"]}
    rows = [
        {"day": day, "logins": row["logins"] if row else 0, "users": row["users"] if row else 0}
        for day in days
        for row in [known.get(day)]
    ]
    for row in rows:
        row["tip"] = f"{row['day']}: {row['logins']:,} logins, {row['users']:,} users"
    colour = {"type": "nominal", "scale": {"domain": ["logins", "users"], "range": COLOURS[:2]}}
    line = {"type": "line", "strokeWidth": 2, "point": len(days) <= MOST_BARS}
    layers = [
        {
            "mark": mark,
            "encoding": {
                "y": _count_axis(name),
                "color": {"datum": name, **colour},
                **({} if mark is line else _tips(days)),
            },
        }
        for name, mark in (
            ("logins", _mark(days)),
            ("users", line),
        )
    ]
    return _chart(rows, width, {"encoding": {"x": _day_axis(days, width)}, "layer": layers})


def new_devices_chart(report: Report, width: int) -> Spec:
    """Draws new devices per day; a device counts on the first day on which it was seen."""
    days = days_of(report)
    known = {row["day"]: row["new_devices"] for row in report["days"]}
    rows = [{"day": day, "n": known.get(day, 0), "tip": f"{day}: {known.get(day, 0):,} new devices"} for day in days]
    return _chart(rows, width, {"mark": _mark(days) | {"color": COLOURS[2]}, "encoding": _day_encoding(days, width)})


def rejects_chart(report: Report, width: int) -> Spec:
    """Draws rejected events per day, stacked by reason; combines the rarest reasons."""
    days = days_of(report)
    totals: Counter[str] = Counter()
    for row in report["rejects"]:
        totals[row["reason"]] += row["events"]
    named = [reason for reason, _ in totals.most_common(MOST_REASONS)]
    counts: Counter[tuple[str, str]] = Counter()
    for row in report["rejects"]:
        counts[row["day"], row["reason"] if row["reason"] in named else OTHERS] += row["events"]
    reasons = [*named, *([OTHERS] if len(totals) > len(named) else [])]
    rows = [
        {"day": day, "reason": reason, "order": order, "n": count, "tip": f"{day}, {reason}: {count:,}"}
        for day in days
        for order, reason in enumerate(reasons)
        for count in [counts[day, reason]]
        if count or len(days) > MOST_BARS
    ]
    encoding = _day_encoding(days, width) | {
        "color": {
            "field": "reason",
            "type": "nominal",
            "scale": {"domain": reasons, "range": COLOURS[: len(reasons)]},
            "legend": {"columns": width // LEGEND_WIDTH},
        },
        "order": {"field": "order", "type": "quantitative"},
    }
    return _chart(rows, width, {"mark": _mark(days), "encoding": encoding})


def sizes_chart(report: Report, width: int) -> Spec:
    """Draws how many devices and addresses have how many users."""
    kinds = (("devices", report["shared_devices"]), ("addresses", report["shared_ips"]))
    rows: list[Spec] = [
        {
            "users": size["users"],
            "kind": kind,
            "n": size["pseudonyms"],
            "text": f"{size['pseudonyms']:,}" if size["pseudonyms"] else "",
            "tip": f"{size['pseudonyms']:,} {kind} of {size['users']} users",
        }
        for kind, shared in kinds
        for size in shared["sizes"]
    ]
    encoding: Spec = {
        "y": {"field": "users", "type": "ordinal", "sort": None, "axis": {"title": "users", "domain": False}},
        "yOffset": {"field": "kind", "sort": None},
        "x": _count_axis("n"),
    }
    highest = max(row["n"] for row in rows)
    encoding["x"]["scale"] = {"domainMax": highest * NUMBER_ROOM}
    colour = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": [kind for kind, _ in kinds], "range": [COLOURS[2], COLOURS[4]]},
    }
    bars = {"mark": {"type": "bar"}, "encoding": {"color": colour, "description": {"field": "tip", "type": "nominal"}}}
    texts = {
        "mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 11, "color": "var(--text)", "aria": False},
        "encoding": {"text": {"field": "text", "type": "nominal"}},
    }
    return _chart(rows, width, {"height": 320, "encoding": encoding, "layer": [bars, texts]})


def _chart(rows: Iterable[Spec], width: int, parts: Spec) -> Spec:
    return {
        "width": width,
        "height": 220,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": 2,
        "background": None,
        "config": CONFIG,
        "data": {"values": list(rows)},
        **parts,
    }


def _mark(days: Sequence[str]) -> Spec:
    return {"type": "bar"} if len(days) <= MOST_BARS else {"type": "area", "interpolate": "step"}


def _day_encoding(days: Sequence[str], width: int) -> Spec:
    return {"x": _day_axis(days, width), "y": _count_axis("n"), **_tips(days)}


def _tips(days: Sequence[str]) -> Spec:
    """Returns the tooltip of each bar. An area has none, because each text would split it."""
    return {"description": {"field": "tip", "type": "nominal"}} if len(days) <= MOST_BARS else {}


def _day_axis(days: Sequence[str], width: int) -> Spec:
    step = -(-len(days) // max(2, width // LABEL_WIDTH - 1))
    axis = {
        "title": None,
        "values": list(days[::step]),
        "labelExpr": f"utcFormat(toDate(datum.value), '{'%-d %b' if len(days) <= MOST_DAYS else '%b %Y'}')",
        "labelAngle": 0,
        "labelOverlap": False,
    }
    scale = {"domain": list(days), "paddingInner": 0.15, "paddingOuter": 0.1}
    return {"field": "day", "type": "ordinal", "axis": axis, "scale": scale}


def _count_axis(field: str) -> Spec:
    axis = {"title": None, "tickCount": TICKS, "tickMinStep": 1, "format": ",d", "domain": False, "ticks": False}
    return {"field": field, "type": "quantitative", "axis": axis, "scale": {"nice": TICKS}}
