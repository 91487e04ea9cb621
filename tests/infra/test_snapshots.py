"""Compares the template of each variant with its stored copy. `make snapshots` stores the current templates."""

import json
import re
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from tests.infra.conftest import Template

# Hashes of assets and function versions. They depend on the source and the Python of this machine.
# The hash of a function version directly follows the eight digits of the logical id.
HASH = re.compile(r"(?:(?<![0-9a-f])|(?<=Version[0-9A-F]{8}))([0-9a-f]{64}|[0-9a-f]{32})(?![0-9a-f])")


@pytest.fixture
def stored(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """The stored templates, one JSON file for each variant."""
    return snapshot.use_extension(JSONSnapshotExtension)


def test_template_is_as_stored(template: Template, stored: SnapshotAssertion) -> None:
    assert readable(json.loads(without_hashes(template.path.read_text(encoding="utf-8")))) == stored


@pytest.mark.parametrize("length", [32, 64])
def test_hashes_become_numbers(length: int) -> None:
    first, second = "a" * length, "b" * length
    assert without_hashes(f'"{first}.zip" "Version61FCB09A{second}" "{first}"') == (
        '"<hash 1>.zip" "Version61FCB09A<hash 2>" "<hash 1>"'
    )


def test_hash_after_the_digits_of_an_id_becomes_a_number() -> None:
    assert without_hashes(f'"CurrentVersion4EA11962{"c" * 32}"') == '"CurrentVersion4EA11962<hash 1>"'


def test_json_within_texts_is_laid_out() -> None:
    body = {"Fn::Join": ["", ['{"of":"', {"Fn::GetAtt": ["Queue", "Arn"]}, '","n":[1]}']]}
    assert readable({"Body": body, "Name": "{"}) == {
        "Body": {"JSON": {"of": '<{"Fn::GetAtt": ["Queue", "Arn"]}>', "n": [1]}},
        "Name": "{",
    }


def without_hashes(text: str) -> str:
    """Returns the text with a number in place of each hash; equal hashes get equal numbers."""
    numbers: dict[str, int] = {}
    return HASH.sub(lambda found: f"<hash {numbers.setdefault(found[1], len(numbers) + 1)}>", text)


def readable(value: Any) -> Any:
    """Returns the value with JSON texts as objects, so that a diff shows a change in them as a line."""
    if isinstance(value, list):
        return [readable(item) for item in value]
    parts = [value]
    if isinstance(value, dict):
        separator, parts = value.get("Fn::Join", ("-", []))
        if separator:
            return {key: readable(item) for key, item in value.items()}
    text = "".join(part if isinstance(part, str) else json.dumps(f"<{json.dumps(part)}>")[1:-1] for part in parts)
    if not text.startswith("{"):
        return value
    try:
        return {"JSON": json.loads(text)}
    except ValueError:
        return value
