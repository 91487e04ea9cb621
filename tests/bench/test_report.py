"""The page of results says what the JSON holds."""

from typing import Any

from bench.report import goals, page


def sample(best: float) -> dict[str, float]:
    return {"rounds": 3, "best": best, "median": best * 2, "tenth": best, "ninetieth": best * 3}


def make_throughput() -> dict[str, Any]:
    sizes = ("10", "100", "1000", "10000")
    ways = {"raw COPY": 1.0, "this function": 1.25, "careless": 1.3, "careful": 2.0, "slow": 4.0}
    return {
        "lacks": {"careless": ["validation"], "careful": [], "slow": []},
        "sizes": {size: {name: sample(seconds) for name, seconds in ways.items()} for size in sizes},
    }


def test_goals_that_are_missed_are_called_missed() -> None:
    throughput = make_throughput()
    found_goals = list(goals.find_goals({"limit": {"in use": throughput["sizes"]}, "throughput": throughput}))
    shares = {what: (found, met) for what, _, found, met in found_goals if what.startswith("share")}
    assert list(shares.values()) == [("0.80", True), ("0.80", True), ("0.80", True), ("0.80", False)]
    peers = [(found, met) for what, _, found, met in found_goals if what.startswith("times")]
    assert peers == [("1.6", False)] * 4


def test_only_peers_that_leave_nothing_out_do_the_same_work() -> None:
    assert goals.same_work(make_throughput(), "100") == {"careful": 2.0, "slow": 4.0}


def test_table_of_throughput() -> None:
    text = page.write_markdown({"machine": {"processors": 2}, "throughput": make_throughput()})
    assert "| **this function** | 8 (0.80) | 80 (0.80) | 800 (0.80) | 8,000 (0.80) |  |" in text
    assert "| careless | 8 (0.77) | 77 (0.77) | 769 (0.77) | 7,692 (0.77) | validation |" in text
    assert "- processors: 2" in text


def test_way_that_was_not_measured_at_a_size_has_no_figure() -> None:
    throughput = make_throughput()
    del throughput["sizes"]["10000"]["slow"]
    text = page.write_markdown({"machine": {}, "throughput": throughput})
    assert "| slow | 2 (0.25) | 25 (0.25) | 250 (0.25) | - |  |" in text


def test_parts_that_were_not_measured_are_left_out() -> None:
    assert "##" not in page.write_markdown({"machine": {"processors": 2}})
