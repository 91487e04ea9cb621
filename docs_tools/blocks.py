"""The parts of pages that are generated. Each stands in a page between two comments:

<!-- generated: NAME -->
<!-- end of NAME -->
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from docs_tools.alarms import alarms
from docs_tools.commands import commands, exit_codes
from docs_tools.context import context, stages
from docs_tools.database import functions, privileges, tables
from docs_tools.decisions import decisions
from docs_tools.environment import environment, places
from docs_tools.fields import fields
from docs_tools.metrics import metrics
from docs_tools.reasons import reasons

PAGES = Path(__file__).resolve().parent.parent / "docs"
RESULTS = PAGES.parent / "bench" / "results"
# A site cannot show files outside of its directory.
FIGURES = {RESULTS / name: PAGES / "assets" / name for name in ("throughput.svg", "growth.svg")}
GENERATORS: Mapping[str, Callable[[], str]] = {
    each.__name__: each
    for each in (
        alarms,
        commands,
        context,
        decisions,
        environment,
        exit_codes,
        fields,
        functions,
        metrics,
        places,
        privileges,
        reasons,
        stages,
        tables,
    )
}
BLOCK = re.compile(r"<!-- generated: (\w+) -->\n.*?<!-- end of \1 -->", re.DOTALL)


def renew(page: str) -> str:
    """The page with each of its generated parts as the code says it now; raises KeyError for an unknown name."""
    return BLOCK.sub(lambda found: _block(found[1]), page)


def names(page: str) -> list[str]:
    """The names of the generated parts of the page."""
    return BLOCK.findall(page)


def _block(name: str) -> str:
    return f"<!-- generated: {name} -->\n\n{GENERATORS[name]()}\n\n<!-- end of {name} -->"
