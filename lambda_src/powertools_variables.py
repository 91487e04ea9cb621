"""Cleans the environment variables that Powertools reads by itself, some of them while it is imported."""

from collections.abc import Callable, MutableMapping

# Not logging.getLevelNamesMapping(): a library can add levels to it.
LEVELS = {"DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL", "NOTSET"}
TRUTHS = {"1", "y", "yes", "t", "true", "on", "0", "n", "no", "f", "false", "off"}


def _is_level(text: str) -> bool:
    return text.upper() in LEVELS


def _is_rate(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False


def _is_truth(text: str) -> bool:
    return text.lower() in TRUTHS


LEVEL = (_is_level, "a level of Python's logging, such as INFO")
TRUTH = (_is_truth, "true or false")
# Powertools raises where it cannot read one of these.
CHECKS: dict[str, tuple[Callable[[str], bool], str]] = {
    "LOG_LEVEL": LEVEL,
    "POWERTOOLS_LOG_LEVEL": LEVEL,
    "POWERTOOLS_LOGGER_SAMPLE_RATE": (_is_rate, "a number from 0 to 1"),
    "POWERTOOLS_LOGGER_LOG_EVENT": TRUTH,
    "POWERTOOLS_LOG_DEDUPLICATION_DISABLED": TRUTH,
    "POWERTOOLS_METRICS_DISABLED": TRUTH,
    "POWERTOOLS_DEBUG": TRUTH,
    "POWERTOOLS_DEV": TRUTH,
}


def clean_variables(variables: MutableMapping[str, str]) -> list[str]:
    """Removes empty and malformed variables; returns an error text for each malformed one."""
    problems = []
    for name in [name for name in variables if name in CHECKS or name.startswith("POWERTOOLS_")]:
        text = variables.pop(name).strip()
        is_good, meaning = CHECKS.get(name, (bool, ""))
        if text and is_good(text):
            variables[name] = text
        elif text:
            problems.append(f"{name} must be {meaning}")
    return problems
