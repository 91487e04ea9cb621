"""The results as pictures: small SVG files, the same bytes for the same numbers."""

from pathlib import Path
from typing import Any

from bench.names import LIMIT, OURS

OUR_COLOUR, LIMIT_COLOUR, PEER_COLOUR, LESS_COLOUR = "#1a6faf", "#444444", "#8fb8d8", "#cccccc"
SHOWN_SIZE = "1000"


def draw(results: dict[str, Any], directory: Path) -> list[str]:
    """Draws what was measured; returns the names of the files."""
    import matplotlib as mpl  # noqa: PLC0415  only the benchmarks' environment has it

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "login-pipeline", "svg.fonttype": "none", "font.size": 9})
    drawn = []
    for name, draw_one in (("throughput", _throughput), ("growth", _growth)):
        if results.get(name):
            figure = draw_one(results[name])
            figure.savefig(directory / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")
            drawn.append(f"{name}.svg")
    return drawn


def _throughput(part: dict[str, Any]) -> Any:  # noqa: ANN401  a class of matplotlib
    from matplotlib import pyplot as plt  # noqa: PLC0415

    ways = {name: int(SHOWN_SIZE) / sample["best"] for name, sample in part["sizes"][SHOWN_SIZE].items()}
    ordered = sorted(ways.items(), key=lambda pair: pair[1])
    colours = [_colour(name, part["lacks"]) for name, _ in ordered]
    figure, axes = plt.subplots(figsize=(7.2, 3.4))
    bars = axes.barh([name for name, _ in ordered], [rate for _, rate in ordered], color=colours)
    axes.bar_label(bars, [f"{rate:,.0f}" for _, rate in ordered], padding=3)
    axes.set_title(f"events a second to committed rows, batches of {int(SHOWN_SIZE):,} (grey: does less)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(0, ordered[-1][1] * 1.15)
    return figure


def _growth(part: dict[str, Any]) -> Any:  # noqa: ANN401
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(7.2, 2.6))
    for name, growth in part.items():
        medians = [step["median"] * 1e3 for step in growth["steps"]]
        axes.plot(range(1, len(medians) + 1), medians, marker="o", label=name)
    axes.set(xlabel="million rows", ylabel="ms a batch of 10,000", ylim=(0, None))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _colour(name: str, lacks: dict[str, list[str]]) -> str:
    if name in (OURS, LIMIT):
        return OUR_COLOUR if name == OURS else LIMIT_COLOUR
    return LESS_COLOUR if lacks[name] else PEER_COLOUR
