"""The page of results in Markdown, from the JSON of a run."""

from bench.report.batches import describe_limit, describe_mixed, describe_sealing, describe_throughput
from bench.report.delivery import describe_check, describe_packing, describe_simulation
from bench.report.process import describe_cold_start, describe_cpu, describe_memory
from bench.report.scale import describe_growth, describe_writers
from bench.report.tables import Results


def write_markdown(results: Results) -> str:
    """Return the whole page, without the parts that were not measured."""
    writers = {
        "limit": describe_limit,
        "throughput": describe_throughput,
        "mixed": describe_mixed,
        "sealing": describe_sealing,
        "cpu": describe_cpu,
        "cold_start": describe_cold_start,
        "memory": describe_memory,
        "writers": describe_writers,
        "growth": describe_growth,
        "packing": describe_packing,
        "simulation": describe_simulation,
        "check": describe_check,
    }
    machine = results["machine"]
    lines = [
        "# Results",
        "",
        "Written by `make bench` and `make bench-growth` from results.json. Ratios are of the best rounds: other work",
        "on the machine only ever adds time. Medians and percentiles stand in the JSON.",
        "",
        *(f"- {name}: {value}" for name, value in machine.items()),
    ]
    for name, write in writers.items():
        if name in results:
            lines += ["", *write(results[name])]
    return "\n".join(lines) + "\n"
