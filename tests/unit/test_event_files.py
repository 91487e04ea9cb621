"""Files with events, for `send` and `make run`."""

import io
import json
import sys
from pathlib import Path

import pytest

from ops.event_files import EventsFileError, load_bodies, load_text, parse_items


@pytest.mark.parametrize(
    ("name", "content", "items"),
    [
        (
            "a.json",
            '[{"a": "é"}, "as it is", null, [2]]',
            [(1, '{"a": "é"}'), (2, "as it is"), (3, "null"), (4, "[2]")],
        ),
        ("a.json", '\ufeff[\n  {"a": "ü"}\n]', [(1, '{"a": "ü"}')]),
        ("a.json", '{"a": 1}\n\n  {"b": 2}\r\n', [(1, '{"a": 1}'), (3, '{"b": 2}')]),
        ("a.json", '{"a":\n 1}', [(1, '{"a": 1}')]),
        ("a.json", '{"Records": [{"body": "x"}, {"body": "{}"}, {}, 1]}', [(1, "x"), (2, "{}")]),
        ("a.json", "[broken", [(1, "[broken")]),
        ("a.json", "[" * 100_000, [(1, "[" * 100_000)]),
        ("a.jsonl", '{"a": 1}\r\n\n  \nnot json\n[1]', [(1, '{"a": 1}'), (4, "not json"), (5, "[1]")]),
        ("a.jsonl", '[{"a": 1}]', [(1, '[{"a": 1}]')]),
        ("a.ndjson", '{"a": "x\u2028y"}\n', [(1, '{"a": "x\u2028y"}')]),
        ("-", "", []),
        ("-", '[{"a": 1}]', [(1, '{"a": 1}')]),
    ],
)
def test_items_of_a_file(tmp_path: Path, name: str, content: str, items: list[tuple[int, str]]) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert [tuple(item) for item in parse_items(Path(name), load_text(path))] == items


def test_bytes_that_are_no_text_are_sent_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xff{"a": 1}\n')
    assert parse_items(path, load_text(path)) == [(1, '\ufffd{"a": 1}')]


def test_file_that_begins_as_an_array(tmp_path: Path) -> None:
    with pytest.raises(EventsFileError, match=r"begins as a JSON array, but is none: line 4 column \d$"):
        parse_items(tmp_path / "a.json", json.dumps([{"ip": "canary"}], indent=1)[:-3])


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EventsFileError, match=r"missing\.json cannot be read: No such file"):
        load_bodies(tmp_path / "missing.json")


@pytest.mark.parametrize("content", ["", "\n \n", "[]"])
def test_file_without_events(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(EventsFileError, match="holds no events"):
        load_bodies(path)


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO('{"a": "é"}'.encode())))
    assert load_text(Path("-")) == '{"a": "é"}'


def test_array_that_is_nested_too_deep() -> None:
    with pytest.raises(EventsFileError, match=r"but is none: nested too deep$"):
        parse_items(Path("a.json"), "[\n" + "[" * 100_000)
