"""The simulation against queueing theory."""

import dataclasses

import pytest

from bench.scenario import Costs, Scenario
from bench.simulation import Simulation

FREE = Costs(function_batch=0, function_event=0, postgres_batch=0, postgres_event=0, cold_start=0)
ONE_BY_ONE = Scenario(
    "one by one", rate=80, seconds=300, batch_size=1, window=0, first_pollers=300, processors=1, round_trip=0
)


@pytest.mark.parametrize("load", [0.4, 0.8])
def test_one_server_waits_as_pollaczek_and_khinchine_say(load: float) -> None:
    """Poisson arrivals, constant service, one server (M/D/1): mean wait = load * service / (2 * (1 - load))."""
    service = load / ONE_BY_ONE.rate
    outcome = Simulation(ONE_BY_ONE, dataclasses.replace(FREE, postgres_event=service)).run()
    mean = sum(seconds * count for seconds, count in outcome.latencies) / outcome.messages
    assert mean == pytest.approx(service + load * service / (2 * (1 - load)), rel=0.05)


def test_every_message_is_written_once() -> None:
    scenario = Scenario("a burst", rate=500, seconds=20, burst=5_000, batch_size=100, window=1, most_pollers=20)
    outcome = Simulation(scenario, dataclasses.replace(FREE, postgres_event=1e-4)).run()
    assert outcome.messages == pytest.approx(5_000 + 500 * 20, rel=0.02)
    assert outcome.backlog[-1][1] == 0
    assert outcome.postgres_busy == pytest.approx(outcome.messages * 1e-4)


def test_poller_waits_for_its_window_and_no_longer() -> None:
    scenario = Scenario("slow", rate=0.2, seconds=2_000, window=5, first_pollers=1, most_pollers=1, round_trip=0)
    outcome = Simulation(scenario, FREE).run()
    assert outcome.latency(1) == pytest.approx(5, abs=0.2)
    assert outcome.latency(0.01) < 5


def test_pollers_of_standard_mode_grow_by_300_a_minute() -> None:
    """A backlog that lasts: each poller takes 100 messages a second."""
    scenario = Scenario("flood", rate=0, seconds=30, burst=400_000, batch_size=100, window=1, bunch=10)
    outcome = Simulation(scenario, FREE).run()
    backlog = dict(outcome.backlog)
    assert backlog[10] - backlog[11] == pytest.approx((5 + 10.5 * 5) * 100, rel=0.2)
    assert backlog[29] - backlog[30] == pytest.approx((5 + 29.5 * 5) * 100, rel=0.2)


def test_maximum_concurrency_is_kept() -> None:
    scenario = Scenario("capped", rate=5_000, seconds=30, batch_size=100, window=1, most_pollers=7, processors=1)
    outcome = Simulation(scenario, dataclasses.replace(FREE, postgres_event=2e-2)).run()
    assert outcome.most_connections == 7
