"""The alarms of the cloud stack, read from the stored templates, which a test keeps current."""

import json
from pathlib import Path
from typing import Any

from docs_tools.markdown import code, table

TEMPLATES = Path(__file__).resolve().parent.parent / "tests" / "infra" / "__snapshots__" / "test_snapshots"
VARIANTS = ("production", "aurora")  # together they have each alarm
UNITS = {"FreeStorageSpace": (1024**3, " GiB"), "FreeableMemory": (1024**2, " MiB"), "Duration": (1000, " s")}
UNITS |= {"ApproximateAgeOfOldestMessage": (1, " s"), "CPUUtilization": (1, " %"), "ACUUtilization": (1, " %")}


def alarms() -> str:
    """One row an alarm: when it fires with the settings of production, and its text."""
    found: dict[str, dict[str, Any]] = {}
    for variant in VARIANTS:
        template = json.loads((TEMPLATES / f"test_template_is_as_stored[{variant}].json").read_text(encoding="utf-8"))
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::CloudWatch::Alarm":
                found.setdefault(resource["Properties"]["AlarmName"].rpartition("-")[2], resource["Properties"])
    return table(
        ("alarm", "fires when", "its text"),
        ((code(name), _condition(alarm), alarm["AlarmDescription"]) for name, alarm in sorted(found.items())),
    )


def _condition(alarm: dict[str, Any]) -> str:
    metric = alarm["MetricName"]
    size, unit = UNITS.get(metric, (1, ""))
    sign = "below" if alarm["ComparisonOperator"].startswith("Less") else "at least"
    minutes = alarm["EvaluationPeriods"] * alarm["Period"] // 60
    statistic = alarm.get("Statistic") or alarm["ExtendedStatistic"]
    return f"{metric} ({statistic}) is {sign} {alarm['Threshold'] / size:,.4g}{unit} for {minutes} min"
