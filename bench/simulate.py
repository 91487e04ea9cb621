"""`python -m bench simulate`: scenarios, what they cost, and what came of them."""

from dataclasses import asdict
from typing import Any

from bench.cpu import ALL_STAGES
from bench.prices import SECONDS_A_MONTH, MonthlyPrice, Traffic, price_month
from bench.scenario import Costs, Outcome, Scenario
from bench.simulation import Simulation


def make_scenarios() -> list[Scenario]:
    """The rates to look at, each as one would set it up, and a burst."""
    return [
        Scenario("1 a second", 1, seconds=600, most_pollers=40),
        Scenario("100 a second", 100, seconds=300, most_pollers=40),
        Scenario("100 a second, after an outage of an hour", 100, seconds=60, burst=360_000, most_pollers=40, bunch=2),
        Scenario("10,000 a second, with the settings for 100", 10_000, seconds=120, most_pollers=40, bunch=4),
        Scenario("10,000 a second", 10_000, seconds=300, most_pollers=250, processors=4, bunch=10),
        Scenario(
            "10,000 a second, 25 in a message", 10_000, seconds=300, most_pollers=250, processors=4, events_a_message=25
        ),
        Scenario(
            "10,000 a second, 250 in a message",
            10_000,
            seconds=300,
            most_pollers=250,
            processors=4,
            events_a_message=250,
        ),
        Scenario("10,000 a second, provisioned", 10_000, seconds=120, provisioned=150, processors=4, bunch=4),
        Scenario("100,000 a second", 100_000, seconds=300, processors=32, bunch=100),
        Scenario("100,000 a second, provisioned", 100_000, seconds=60, provisioned=1_500, processors=32, bunch=50),
    ]


def fit_costs(throughput: dict[str, Any], cpu: dict[str, Any], cold_start: dict[str, Any]) -> Costs:
    """The costs behind the best rounds of this machine: a straight line through the batches of 10 and of 10,000.

    Of the raw COPY for Postgres; of the stages for the function, and what is left of a batch of 10 is its fixed part.
    """
    sizes = throughput["sizes"]
    few, many = (sizes[size]["raw COPY"]["best"] for size in ("10", "10000"))
    postgres_event = (many - few) / 9_990
    function_event = cpu["stages"][ALL_STAGES]["best"]
    function_batch = sizes["10"]["this function"]["best"] - few - 10 * function_event
    steps = cold_start["steps"]
    return Costs(
        max(0.0, function_batch),
        function_event,
        few - 10 * postgres_event,
        postgres_event,
        sum(steps[name]["median"] for name in ("import of the handler", "first salt", "first connection")),
    )


def price_scenario(scenario: Scenario, outcome: Outcome, bytes_a_row: float) -> MonthlyPrice:
    """What a month of the scenario's rate costs, by its simulated batches."""
    months = scenario.rate * SECONDS_A_MONTH / (outcome.messages * scenario.events_a_message)
    return price_month(
        Traffic(
            events=scenario.rate * SECONDS_A_MONTH,
            events_a_message=scenario.events_a_message,
            batches=outcome.batches * months,
            busy_seconds=outcome.busy * months,
            receives=outcome.receives * months,
            processors=scenario.processors,
            bytes_a_row=bytes_a_row,
        )
    )


def measure(costs: Costs, bytes_a_row: float) -> dict[str, Any]:
    """All scenarios: latency, backlog, connections, load of Postgres, price."""
    return {
        "costs": asdict(costs),
        "bytes_a_row": bytes_a_row,
        "scenarios": {scenario.name: _tell(scenario, costs, bytes_a_row) for scenario in make_scenarios()},
    }


def _tell(scenario: Scenario, costs: Costs, bytes_a_row: float) -> dict[str, Any]:
    outcome = Simulation(scenario, costs).run()
    price = price_scenario(scenario, outcome, bytes_a_row)
    cleared = [seconds for seconds, length in outcome.backlog if length > scenario.rate]
    return {
        "rate": scenario.rate,
        "processors": scenario.processors,
        "most_pollers": scenario.provisioned or scenario.most_pollers,
        "latency": {f"{share:.0%}": round(outcome.latency(share), 2) for share in (0.5, 0.95, 0.99)},
        "events_a_message": scenario.events_a_message,
        "messages_a_batch": round(outcome.messages / max(1, outcome.batches), 1),
        "most_connections": outcome.most_connections,
        "most_backlog": max(length for _, length in outcome.backlog),
        "backlog_until": round(max(cleared, default=0.0)),
        "postgres_load": round(outcome.postgres_busy / outcome.ended / scenario.processors, 4),
        "price": {name: round(value, 4) for name, value in {**asdict(price), "total": price.total}.items()},
    }
