"""`report` beside the rows in Postgres, and `report --html` beside `report`."""

import hashlib
import re
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ops.page.charts import MOST_BARS, MOST_REASONS, OTHERS, days_of, logins_chart, rejects_chart
from tests.ops.command_line import CommandLine
from tests.scratch import Scratch

ROOT = Path(__file__).resolve().parents[2]
INSERT_LOGIN = """
    INSERT INTO user_logins (event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip,
                             masked_device_id, app_version_name)
    VALUES (gen_random_uuid(), (now() AT TIME ZONE 'UTC')::date - %s, 1, 1, %s, 'x', %s, %s, '1')
"""
INSERT_REJECT = """
    INSERT INTO rejected_logins (event_id, message_id, reason, times, first_seen)
    VALUES (gen_random_uuid(), 'm', %s, %s, now() - make_interval(days => %s))
"""
SELECT_LOGINS = """
    SELECT (now() AT TIME ZONE 'UTC')::date - create_date, create_date::text, user_id, masked_device_id, masked_ip
    FROM user_logins
"""
DAYS = 5


def pseudonym(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def fortnight(database: Scratch) -> list[tuple[int, str, str, str, str]]:
    """Logins and rejects of 14 days; returns the logins as Postgres holds them, each with its age in days."""
    random = Random(4)  # noqa: S311
    for _ in range(150):
        user, device, ip = random.randint(1, 30), random.randint(1, 25), random.randint(1, 12)
        values = random.randint(0, 13), f"user {user}", pseudonym(f"ip {ip}"), pseudonym(f"device {device}")
        database.execute(INSERT_LOGIN, *values)
    for _ in range(2):  # not shared
        database.execute(INSERT_LOGIN, 1, "user 1", pseudonym("ip"), pseudonym("device"))
    for _ in range(40):
        reason = random.choice(["empty", "invalid_ip", "too_long"])
        database.execute(INSERT_REJECT, reason, random.randint(1, 3), random.randint(0, 13))
    return database.query(SELECT_LOGINS)


def totals_of(rows: list[tuple[int, str, str, str, str]], first: int, last: int) -> dict[str, int]:
    """What Python counts in the rows of the days `last` to `first` before today."""
    within = [row for row in rows if last <= row[0] <= first]
    earlier = {row[3] for row in rows if row[0] > first}
    return {
        "logins": len(within),
        "users": len({row[2] for row in within}),
        "devices": len({row[3] for row in within}),
        "ips": len({row[4] for row in within}),
        "new_devices": len({row[3] for row in within} - earlier),
    }


def test_figures_are_those_of_the_rows(
    loginpipe: CommandLine, database: Scratch, fortnight: list[tuple[int, str, str, str, str]]
) -> None:
    data = loginpipe("--json", "report", "--days", str(DAYS), "--top", "100").data
    period = data["period"]
    assert period["totals"].items() >= totals_of(fortnight, DAYS - 1, 0).items()
    assert period["before"].items() >= totals_of(fortnight, 2 * DAYS - 1, DAYS).items()
    assert 0 < period["totals"]["new_devices"] < period["totals"]["devices"]
    rejects = """
        SELECT count(*) FROM rejected_logins
        WHERE (now() AT TIME ZONE 'UTC')::date - (first_seen AT TIME ZONE 'UTC')::date BETWEEN %s AND %s
    """
    assert [(period["totals"]["rejects"],)] == database.query(rejects, 0, DAYS - 1)
    assert [(period["before"]["rejects"],)] == database.query(rejects, DAYS, 2 * DAYS - 1)
    assert sum(row["events"] for row in data["rejects"]) == period["totals"]["rejects"]
    assert sum(row["logins"] for row in data["days"]) == period["totals"]["logins"]
    assert sum(row["new_devices"] for row in data["days"]) == period["totals"]["new_devices"]
    for column, shared in ((3, data["shared_devices"]), (4, data["shared_ips"])):
        users: dict[str, set[str]] = {}
        for row in fortnight:
            users.setdefault(str(row[column]), set()).add(row[2])
        expected = {name: len(each) for name, each in users.items() if len(each) > 1}
        assert {row["pseudonym"]: row["users"] for row in shared["top"]} == expected
        assert shared["count"] == len(expected) == sum(row["pseudonyms"] for row in shared["sizes"])
        sizes = Counter(users if users < 6 else "6-10" if users < 11 else "11-20" for users in expected.values())
        assert {row["users"]: row["pseudonyms"] for row in shared["sizes"] if row["pseudonyms"]} == {
            str(size): count for size, count in sizes.items()
        }


def test_device_that_is_linked_to_an_older_pseudonym_is_not_new(loginpipe: CommandLine, database: Scratch) -> None:
    database.execute(INSERT_LOGIN, 9, "u", "a", "old")
    database.execute(INSERT_LOGIN, 0, "u", "a", "new")
    assert loginpipe("--json", "report", "--days", "3").data["period"]["totals"]["new_devices"] == 1
    database.execute("INSERT INTO pseudonym_links (old, new, old_version, new_version) VALUES ('old', 'new', 1, 2)")
    assert loginpipe("--json", "report", "--days", "3").data["period"]["totals"]["new_devices"] == 0


# ---- the page -------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a page consists of; `cells` are the texts of its tables' rows, `tips` those of its plots' marks."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.terms: list[str] = []
        self.tips: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "action", "data", "xlink:href")]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open:
            return
        if "td" in self._open[-2:]:
            self.tables[-1][-1].append(data)
        elif self._open[-1] in ("dt", "dd"):
            self.terms.append(data)
        elif self._open[-1] == "title" and "svg" in self._open:
            self.tips.append(data)

    def rows(self) -> list[list[list[str]]]:
        """The bodies of the tables."""
        return [[row for row in table if row] for table in self.tables]


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


def test_page_shows_the_figures_of_the_report(
    loginpipe: CommandLine, fortnight: list[tuple[int, str, str, str, str]], page_file: Path
) -> None:
    words = ("report", "--days", str(DAYS), "--top", "12")
    data = loginpipe("--json", *words, "--html", str(page_file)).data
    page = Page(page_file.read_text())
    names = {"ips": "addresses", "new_devices": "new devices"}
    for key, number in data["period"]["totals"].items():
        place = page.terms.index(names.get(key, key))
        assert page.terms[place + 1] == f"{number:,}"
        if number != data["period"]["before"][key]:
            assert page.terms[place + 2].endswith(f"% from {data['period']['before'][key]:,}")
    tables = page.rows()
    columns = ("day", "logins", "users", "devices", "ips", "new_devices")
    assert [[str(row[name]) for name in columns] for row in data["days"]] in tables
    assert [[str(row[name]) for name in ("day", "reason", "events", "deliveries")] for row in data["rejects"]] in tables
    for shared in (data["shared_devices"], data["shared_ips"]):
        tops = [
            [f"{row['pseudonym'][:8]}…", *(str(row[name]) for name in ("users", "logins", "first_day", "last_day"))]
            for row in shared["top"]
        ]
        assert tops[:10] in tables
        assert tops in tables
        assert [[row["users"], str(row["pseudonyms"])] for row in shared["sizes"]] in tables
    for row in data["days"]:
        # Each plot is there for a wide screen and for a phone.
        assert page.tips.count(f"{row['day']}: {row['logins']} logins, {row['users']} users") == 2
        assert page.tips.count(f"{row['day']}: {row['new_devices']} new devices") == 2
    for row in data["rejects"]:
        assert page.tips.count(f"{row['day']}, {row['reason']}: {row['events']}") == 2
    text = loginpipe(*words).out
    assert f"{data['period']['totals']['logins']}" in text
    assert "new devices" in text


def test_page_loads_and_runs_nothing_and_tells_no_whole_pseudonym(
    loginpipe: CommandLine, fortnight: list[tuple[int, str, str, str, str]], page_file: Path
) -> None:
    assert loginpipe("report", "--html", str(page_file)).code == 0
    text = page_file.read_text()
    page = Page(text)
    assert page.links == []
    assert page.tags.count("svg") == 8
    assert not {"script", "link", "img", "iframe", "object", "image", "use"} & set(page.tags)
    assert not re.search(r"https?://|@import|url\(| on[a-z]+=", text)
    assert not [row for row in fortnight if row[3][:9] in text or row[4][:9] in text]
    for rule in ("prefers-color-scheme: dark", "@media print", "max-width: 600px"):
        assert rule in text
    assert len(text) < 250_000


def test_page_escapes(loginpipe: CommandLine, database: Scratch, page_file: Path) -> None:
    evil = '<b>"&'
    for user in ("a", "b"):
        database.execute(INSERT_LOGIN, 0, user, evil, evil)
    database.execute(INSERT_REJECT, evil, 1, 0)
    assert loginpipe("report", "--html", str(page_file)).code == 0
    text = page_file.read_text()
    assert evil not in text
    assert "<b>" not in text
    page = Page(text)
    assert any(tip.endswith(f"{evil}: 1") for tip in page.tips)
    assert any(row[0] == evil for table in page.rows() for row in table)


def test_page_of_nothing(loginpipe: CommandLine, tmp_path: Path, page_file: Path) -> None:
    assert loginpipe("report", "--html", str(page_file)).code == 0
    page = Page(page_file.read_text())
    assert "svg" not in page.tags
    assert page.terms.count("no change") == 6
    assert loginpipe("report", "--html", str(tmp_path)).code == 1


def test_page_without_the_library_says_what_to_install(
    loginpipe: CommandLine, page_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("ops.page")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    finished = loginpipe("report", "--html", str(page_file))
    assert (finished.code, "[report]" in finished.err, page_file.exists()) == (2, True, False)
    assert loginpipe("report").code == 0


def test_library_of_the_plots_is_in_no_function() -> None:
    for name in ("lambda_src/requirements.txt", "lambda_src/vault.txt", "ops/requirements.txt"):
        assert "vl-convert" not in (ROOT / name).read_text()


# ---- the plots ------------------------------------------------------------------------------------------------------


def report_of(days: list[dict[str, Any]], rejects: list[dict[str, Any]], last_day: str = "2026-03-31") -> Any:
    return {"period": {"first_day": "2026-03-01", "last_day": last_day}, "days": days, "rejects": rejects}


def test_days_without_a_login_are_drawn_too() -> None:
    report = report_of([{"day": "2026-04-02", "logins": 7, "users": 3}], [])
    days = days_of(report)
    assert (days[0], days[-1], len(days)) == ("2026-03-01", "2026-04-02", 33)  # of a clock that is ahead
    rows = logins_chart(report, 300)["data"]["values"]
    assert [row["logins"] for row in rows] == [0] * 32 + [7]


def test_rare_reasons_are_drawn_as_one() -> None:
    rejects: list[dict[str, Any]] = [
        {"day": "2026-03-02", "reason": f"r{number}", "events": 100 - number} for number in range(10)
    ]
    rows = rejects_chart(report_of([], rejects), 300)["data"]["values"]
    assert [row["reason"] for row in rows] == [*(f"r{number}" for number in range(MOST_REASONS)), OTHERS]
    assert sum(row["n"] for row in rows) == sum(row["events"] for row in rejects)


def test_many_days_are_an_area_in_one_piece() -> None:
    report = report_of([], [{"day": "2026-03-02", "reason": "empty", "events": 1}], last_day="2026-12-31")
    assert len(days_of(report)) > MOST_BARS
    for chart in (logins_chart(report, 300)["layer"][0], rejects_chart(report, 300)):
        assert chart["mark"]["type"] == "area"
        assert "description" not in chart["encoding"]  # each text would make a piece of its own
