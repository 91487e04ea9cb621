"""The goals, and whether the measured results reach them."""

from collections.abc import Iterator

from bench.names import LIMIT, OURS
from bench.report.tables import Results, table

SHARE_OF_LIMIT = {"10": 0.8, "100": 0.8, "1000": 0.8, "10000": 0.9}
TIMES_THE_PEER = 2.0
IMPORT_RATIO = 1.3
BUNDLE_MEGABYTES = 35
MEMORY_MEGABYTES = 40
SEALING_RATIO = 2.0
GROWTH_RATIO = 1.3
QUERY_SECONDS = 2.0


def same_work(throughput: Results, size: str) -> dict[str, float]:
    """Return the best seconds for a batch of the peers that leave nothing out."""
    ways = throughput["sizes"][size]
    return {name: ways[name]["best"] for name, lacks in throughput["lacks"].items() if not lacks and name in ways}


def find_goals(results: Results) -> Iterator[tuple[str, str, str, bool]]:
    """Yield what is measured, its goal, the result, and whether it meets the goal; only of measured parts."""
    for state, sizes in results.get("limit", {}).items():
        for size, ways in sizes.items():
            share = ways[LIMIT]["best"] / ways[OURS]["best"]
            goal = SHARE_OF_LIMIT[size]
            what = f"share of a raw COPY, table {state}, batches of {int(size):,}"
            yield what, f"{goal}", f"{share:.2f}", share >= goal
    if throughput := results.get("throughput"):
        for size, ways in throughput["sizes"].items():
            times = min(same_work(throughput, size).values()) / ways[OURS]["best"]
            what = f"times the fastest peer that does the same work, batches of {int(size):,}"
            yield what, f"{TIMES_THE_PEER}", f"{times:.1f}", times >= TIMES_THE_PEER
    for size, ways in results.get("sealing", {}).items():
        ratio = ways["with"]["best"] / ways["without"]["best"]
        what = f"time with the vault, in times without, batches of {int(size):,}"
        yield what, f"{SEALING_RATIO}", f"{ratio:.2f}", ratio <= SEALING_RATIO
    if cpu := results.get("cpu"):
        what = "CPU of an event, in (msgspec decode + HMAC)"
        yield what, f"{cpu['goal']}", f"{cpu['ratio']}", cpu["ratio"] <= cpu["goal"]
    if cold := results.get("cold_start"):
        yield "import, in imports of boto3", f"{IMPORT_RATIO}", f"{cold['ratio']}", cold["ratio"] <= IMPORT_RATIO
        if cold["bundle"]:
            megabytes = cold["bundle"]["bytes"] / 1e6
            yield "bundle, MB", f"{BUNDLE_MEGABYTES}", f"{megabytes:.1f}", megabytes <= BUNDLE_MEGABYTES
    if memory := results.get("memory"):
        peak = memory["10000"]["peak"]
        yield "memory above idle at 10,000, MB", f"{MEMORY_MEGABYTES}", f"{peak}", peak <= MEMORY_MEGABYTES
    for name, growth in results.get("growth", {}).items():
        what = f"growth to {growth['rows']:,} rows ({name}), last to first million"
        yield what, f"{GROWTH_RATIO}", f"{growth['ratio']}", growth["ratio"] <= GROWTH_RATIO
        slowest = max(growth["sharing"]["seconds"].values())
        what = f"shared views at {growth['rows']:,} rows ({name}), slowest query, s"
        yield what, f"{QUERY_SECONDS}", f"{slowest}", slowest <= QUERY_SECONDS


def goals_table(results: Results) -> str:
    """Return the goals as a table in Markdown."""
    rows = [(what, goal, found, "yes" if met else "**no**") for what, goal, found, met in find_goals(results)]
    return "\n".join(table(("what", "goal", "measured", "met"), rows))
