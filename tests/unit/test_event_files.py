"""Files with events, for `send` and `make run`."""

import gzip
import io
import json
import sys
import zipfile
from pathlib import Path

import pytest

from ops.event_files import load_items, load_text, parse_items
from ops.file_formats import REFUSED, EventsFileError
from ops.sending import find_bad, find_unsendable
from tests.support import make_body

EVENT = json.dumps(make_body())
HEADER = "user_id,device_type,ip,device_id,app_version,locale"
ROW = "me,ios,192.0.2.1,1,2.3,"


def read(path: Path, content: bytes) -> list[tuple[int, str]]:
    """Numbers and bodies of a file with that content."""
    path.write_bytes(content)
    return [(item.number, item.body) for item in parse_items(path, load_text(path))]


@pytest.mark.parametrize(
    ("name", "content", "items"),
    [
        (
            "a.json",
            '[{"a": "é"}, "as it is", null, [2]]',
            [(1, '{"a": "é"}'), (2, "as it is"), (3, "null"), (4, "[2]")],
        ),
        ("a.json", '\ufeff[\n  {"a": "ü"}\n]', [(1, '{"a": "ü"}')]),
        ("a.json", '[{"a": 1.50, "b":\n"\\ud800"}]', [(1, '{"a": 1.50, "b":\n"\\ud800"}')]),
        ("a.json", '{"a": 1}\n\n  {"b": 2}\r\n', [(1, '{"a": 1}'), (3, '{"b": 2}')]),
        ("a.json", '{"a":\n 1}', [(1, '{"a":\n 1}')]),
        ("a.json", '{"Records": [{"body": "x"}, {"body": "{}"}, {}, 1]}', [(1, "x"), (2, "{}")]),
        ("a.json", '{"Messages": [{"MessageId": "m", "Body": "{}"}, {}]}', [(1, "{}")]),
        ("a.json", '{"total": 2, "events": [{"a": 1}, {"b": 2}]}', [(1, '{"a": 1}'), (2, '{"b": 2}')]),
        ("a.json", '{"events": 2}', [(1, '{"events": 2}')]),
        ("a.json", '{"events": []}', []),
        ("a.json", "[broken", [(1, "[broken")]),
        ("a.json", "[" * 100_000, [(1, "[" * 100_000)]),
        ("a.json", '{"a":' * 100_000, [(1, '{"a":' * 100_000)]),
        ("a.jsonl", '{"a": 1}\r\n\n  \nnot json\n[1]', [(1, '{"a": 1}'), (4, "not json"), (5, "[1]")]),
        ("a.jsonl", '[{"a": 1}]', [(1, '[{"a": 1}]')]),
        ("a.ndjson", '{"a": "x\u2028y"}\n', [(1, '{"a": "x\u2028y"}')]),
        ("-", "", []),
        ("-", '[{"a": 1}]', [(1, '{"a": 1}')]),
        ("a.csv", "\n", []),
    ],
)
def test_items_of_a_file(tmp_path: Path, name: str, content: str, items: list[tuple[int, str]]) -> None:
    assert read(tmp_path / name, content.encode()) == items


def test_event_of_an_array_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('\n{"events": [\n {"a":\n  1},\n\n {"b": 2}, {"a":\n  1}\n]}')
    assert [item.place for item in parse_items(path, load_text(path))] == [
        "Event 1 (line 3)",
        "Event 2 (line 6)",
        "Event 3 (line 6)",
    ]


# ---- encodings and formats -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encoding_with_a_mark_or_zero_bytes(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path / "a.jsonl", '{"a": "é"}\n'.encode(encoding)) == [(1, '{"a": "é"}')]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl"])
def test_gzip(tmp_path: Path, name: str) -> None:
    assert read(tmp_path / name, gzip.compress(b'{"a": 1}\n[2]\n')) == [(1, '{"a": 1}'), (2, "[2]")]


@pytest.mark.parametrize(
    "content", [gzip.compress(b"{}")[:-9], b"\x1f\x8bno", "{}".encode("utf-16") + b"\x00\xd8"], ids=["cut", "no", "16"]
)
def test_damaged_file(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(EventsFileError, match="is damaged"):
        read(tmp_path / "a.jsonl", content)


def test_format_that_is_not_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    for folder, name in (("xl/workbook.xml", r"Excel \(xlsx\)"), ("a.json", "zip")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(folder, "x")
        with pytest.raises(EventsFileError, match=f"is {name}, which is not read"):
            load_text(path)
    for start, name in REFUSED.items():
        path.write_bytes(gzip.compress(start + b"\x00rest"))
        with pytest.raises(EventsFileError) as caught:
            load_text(path)
        assert f" is {name}, which" in str(caught.value)
    path.write_bytes(b"name".ljust(257, b"\0") + b"ustar\x0000")
    with pytest.raises(EventsFileError, match="is tar"):
        load_text(path)


# ---- CSV -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", list(",;\t|"))
@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_csv_with_a_header(tmp_path: Path, delimiter: str, name: str) -> None:
    text = f"{HEADER},sent_timestamp,more\n{ROW},1700000000000,x\n".replace(",", delimiter)
    ((number, body),) = read(tmp_path / name, text.encode())
    assert number == 2
    assert json.loads(body) == {
        "user_id": "me",
        "device_type": "ios",
        "ip": "192.0.2.1",
        "device_id": "1",
        "app_version": "2.3",
        "sent_timestamp": 1_700_000_000_000,
        "more": "x",
    }


def test_csv_rows_are_judged_by_their_line(tmp_path: Path) -> None:
    rows = [HEADER, ROW, "", '"a\nb"' + ROW[2:], "one,two", ROW.replace("192.0.2.1", ""), ROW + "DE"]
    path = tmp_path / "a.csv"
    path.write_text("\r\n".join(rows))
    items = parse_items(path, load_text(path))
    assert [item.number for item in items] == [2, 4, 6, 7, 8]
    assert [(bad.number, bad.reason) for bad in find_unsendable(items)] == [(6, "wrong_number_of_columns")]
    assert [(bad.number, bad.reason) for bad in find_bad([items[0], items[1], items[3], items[4]])] == [
        (7, "invalid_ip")
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "user_id,ip\nme,192.0.2.1",
            "a header that names the columns app_version, device_id, device_type, ip, user_id",
        ),
        (f'{HEADER}\n{ROW}\n"open', "is damaged at line 3"),
    ],
)
def test_csv_that_cannot_be_used(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(EventsFileError, match=words):
        read(tmp_path / "a.csv", content.encode())


# ---- what SQS cannot take ------------------------------------------------------------------------------------------


def test_bytes_that_are_no_text_spoil_their_line_only(tmp_path: Path) -> None:
    """Two devices must not become one because a byte of each cannot be read."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join([EVENT.encode(), b'{"device_id": "caf\xe9-1"}', b'{"device_id": "caf\xe8-1"}']))
    assert [bad[:3] for bad in find_unsendable(parse_items(path, load_text(path)))] == [
        (2, None, "invalid_utf8"),
        (3, None, "invalid_utf8"),
    ]


def test_bytes_that_are_no_text_in_an_array(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'[\n{"a": 1},\n{"device_id": "caf\xe9"},\n"\\ud800"]')
    (first, second) = find_unsendable(parse_items(path, load_text(path)))
    assert (first.place, first.reason) == ("Event 2 (line 3)", "invalid_utf8")
    assert (second.place, second.reason) == ("Event 3 (line 4)", "invalid_utf8")


def test_line_over_the_limit_of_sqs(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f"{EVENT}\n{'x' * 1_048_576}\n{EVENT}\n")
    assert [bad[:3] for bad in find_unsendable(parse_items(path, load_text(path)))] == [(2, None, "too_large")]


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_line_that_is_nested_too_deep(tmp_path: Path, opening: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(opening * 100_000)
    assert [bad.reason for bad in find_bad(parse_items(path, load_text(path)))] == ["invalid_json"]


# ---- files that cannot be used -------------------------------------------------------------------------------------


def test_file_that_begins_as_an_array(tmp_path: Path) -> None:
    with pytest.raises(EventsFileError, match=r"begins as a JSON array, but is none: line 4 column \d\.$"):
        parse_items(tmp_path / "a.json", json.dumps([{"ip": "canary"}], indent=1)[:-3])


@pytest.mark.parametrize(
    ("content", "words"), [("[\n" + "[" * 100_000, "nested too deep\\.$"), ("[\nNaN]", "it holds NaN")]
)
def test_array_that_is_none(content: str, words: str) -> None:
    with pytest.raises(EventsFileError, match=f"but is none: {words}"):
        parse_items(Path("a.json"), content)


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EventsFileError, match=r"missing\.json cannot be read: No such file"):
        load_items(tmp_path / "missing.json")


@pytest.mark.parametrize("content", ["", "\n \n", "[]"])
def test_file_without_events(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(EventsFileError, match="holds no events"):
        load_items(path)


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO('{"a": "é"}'.encode())))
    assert load_text(Path("-")) == '{"a": "é"}'
