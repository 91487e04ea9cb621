"""What Powertools reads by itself: empty variables are unset, malformed ones are in the one error of the settings."""

import os
import subprocess
import sys

import pytest

from lambda_src.errors import SettingsError
from lambda_src.powertools_variables import CHECKS, clean_variables
from lambda_src.settings import load_settings
from tests.unit.test_settings import COMPLETE

BAD = {
    "LOG_LEVEL": "verbose",
    "POWERTOOLS_LOG_LEVEL": "11",
    "POWERTOOLS_LOGGER_SAMPLE_RATE": "1.5",
    "POWERTOOLS_LOGGER_LOG_EVENT": "maybe",
    "POWERTOOLS_LOG_DEDUPLICATION_DISABLED": "2",
    "POWERTOOLS_METRICS_DISABLED": "none",
    "POWERTOOLS_DEBUG": "-",
    "POWERTOOLS_DEV": "?",
}
NAMES = ("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE")
SHOW = """
from lambda_src import handler, settings
from lambda_src.errors import SettingsError
handler.logger.warning("shown")
print(settings.SERVICE, settings.NAMESPACE)
try:
    handler.get_resources()
except SettingsError as error:
    print(error)
"""


def run(**variables: str) -> str:
    """What a fresh execution environment with only these variables prints."""
    command = [sys.executable, "-c", SHOW]
    finished = subprocess.run(
        command, env={"PATH": os.environ["PATH"], **variables}, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_good_values_stay_without_white_space() -> None:
    variables = {"LOG_LEVEL": " debug ", "POWERTOOLS_LOGGER_SAMPLE_RATE": "0.1", "POWERTOOLS_DEV": "true", "OTHER": ""}
    assert clean_variables(variables) == []
    assert variables == {
        "LOG_LEVEL": "debug",
        "POWERTOOLS_LOGGER_SAMPLE_RATE": "0.1",
        "POWERTOOLS_DEV": "true",
        "OTHER": "",
    }


@pytest.mark.parametrize("value", ["", " \t"])
def test_empty_value_is_unset(value: str) -> None:
    variables = dict.fromkeys((*CHECKS, *NAMES, "POWERTOOLS_NEW"), value)
    assert clean_variables(variables) == []
    assert variables == {}


@pytest.mark.parametrize("name", CHECKS)
def test_malformed_value_is_named_and_goes(name: str) -> None:
    variables = {name: BAD[name]}
    (problem,) = clean_variables(variables)
    assert problem.startswith(f"{name} must be ")
    assert variables == {}


def test_one_error_names_malformed_levels_too() -> None:
    with pytest.raises(SettingsError, match=r"PGPORT must be .* LOG_LEVEL must be a level"):
        load_settings(COMPLETE | {"PGPORT": "x", "LOG_LEVEL": "verbose"})


def test_function_starts_with_empty_variables() -> None:
    printed = run(**dict.fromkeys((*CHECKS, *NAMES), ""))
    assert '"shown"' in printed
    assert '"service":"login-pipeline"' in printed
    assert "login-pipeline LoginPipeline" in printed


def test_function_starts_with_malformed_variables_and_names_them_all() -> None:
    printed = run(**BAD)
    assert [name for name in (*BAD, "SALT_PARAMETER", "PGHOST") if f"{name} " not in printed] == []
