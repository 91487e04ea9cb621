"""`python -m bench`: measures, and writes bench/results/, with --quick build/bench/; --help tells what."""

import argparse
import datetime
import json
import os
import platform
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import cold_start, cpu, growth, memory, packing, plots, sealing, simulate, simulation_check, throughput
from bench.report.goals import goals_table
from bench.report.page import write_markdown
from bench.sampling import load_average
from bench.servers import Servers

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results"
QUICK_RESULTS = Path(__file__).parent.parent / "build" / "bench"
PARTS = (
    "cpu",
    "limit",
    "throughput",
    "mixed",
    "sealing",
    "cold_start",
    "memory",
    "writers",
    "packing",
    "simulation",
    "check",
)
GROWTH_ROWS = 10_000_000
BYTES_A_ROW = 450  # with its indexes, where growth was not measured


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures the function beside its peers and limits, on a Postgres and an SSM of its own. Needs the "
        "benchmarks' own environment: `make bench` installs it.",
    )
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)} or growth (default: all but growth)"
    )
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it works, not to tell figures")
    parser.add_argument("--rows", type=int, default=GROWTH_ROWS, help="how far growth goes (default: %(default)s)")
    parser.add_argument(
        "--results", type=Path, help="directory to write to (default: bench/results; with --quick build/bench)"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers are ended in order
    parts = options.parts or list(PARTS)
    if unknown := set(parts) - {*PARTS, "growth"}:
        parser.error(f"unknown part: {', '.join(sorted(unknown))}")
    published = RESULTS / "results.json"
    options.results = options.results or (QUICK_RESULTS if options.quick else RESULTS)
    # What a part builds on may have been measured by a full run only.
    results = _read(options.results / "results.json") or _read(published)
    results["machine"] = _describe_machine(quick=options.quick)
    for number, name in enumerate(parts, 1):
        _say(f"{number} of {len(parts)}: {name} …")
        started = time.monotonic()
        results[name] = _measure(name, results, options)
        _say(f"{number} of {len(parts)}: {name} took {time.monotonic() - started:.0f} s")
        results.setdefault("load_before", {})[name] = load_average()
        _write(options.results, results)
    print(goals_table(results))
    _say(f"Written to {options.results}")
    return 0


def _measure(name: str, results: dict[str, Any], options: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    quick: bool = options.quick
    if name == "growth":
        measured = results.get("growth", {})
        for name_of_case, case in growth.CASES.items():
            measured[name_of_case] = growth.measure_growth(options.rows, case, partial(_say_of, name_of_case))
            _write(options.results, {**results, "growth": measured})  # the next one takes minutes
        return measured
    if name == "cpu":
        return cpu.measure(quick=quick)
    if name in ("simulation", "check"):
        costs = simulate.fit_costs(results["throughput"], results["cpu"], results["cold_start"])
        if name == "simulation":
            return simulate.measure(costs, _bytes_a_row(results))
        with Servers() as servers:
            return simulation_check.measure(servers, costs, quick=quick)
    measures: dict[str, Callable[[Servers], Any]] = {
        "limit": lambda servers: throughput.measure_limit(servers, quick=quick),
        "throughput": lambda servers: throughput.measure(servers, quick=quick),
        "mixed": lambda servers: throughput.measure_mixed(servers, quick=quick),
        "sealing": lambda servers: sealing.measure(servers, quick=quick),
        "cold_start": lambda servers: cold_start.measure(servers, quick=quick),
        "memory": memory.measure,
        "packing": lambda servers: packing.measure(servers, quick=quick),
        "writers": lambda servers: growth.measure_writers(servers, quick=quick),
    }
    with Servers() as servers:
        return measures[name](servers)


def _bytes_a_row(results: dict[str, Any]) -> float:
    for measured in results.get("growth", {}).values():
        return float(round(sum(measured["gigabytes"].values()) * 1e9 / measured["rows"]))
    return BYTES_A_ROW


def _describe_machine(*, quick: bool) -> dict[str, Any]:
    return {
        "when": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "Python": platform.python_version(),
        "rounds": "few (--quick)" if quick else "full",
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return results


def _write(directory: Path, results: dict[str, Any]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    goals = "\n\n## Goals\n\n" + goals_table(results)
    page = write_markdown(results).replace("\n\n##", goals + "\n\n##", 1)
    (directory / "results.md").write_text(page, encoding="utf-8")
    plots.draw(results, directory)


def _say_of(case: str, text: str) -> None:
    _say(f"  {case}: {text}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
