"""`send`: each event of a file exactly once, bad lines by their numbers."""

import json
import time
from pathlib import Path

import pytest

from ops.sending import Journal
from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.ops.queues import Queues
from tests.scratch import Scratch
from tests.support import make_body


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "logins.jsonl"
    path.write_text("".join(json.dumps(make_body(user_id=f"user {number}")) + "\n" for number in range(25)))
    return path


def begin_sending(file: Path, queue_url: str) -> None:
    """Leaves the journal of a sending that was killed before its first call."""
    Journal.open(file, f"{file.read_text()}\0{False}", queue_url).save()


def test_failed_send_stands_in_nobodys_way(loginpipe: CommandLine, queues: Queues, file: Path) -> None:
    assert loginpipe("send", str(file), QUEUE_URL=queues.url + "-gone").code == 1
    assert list(file.parent.iterdir()) == [file]
    assert loginpipe("send", str(file), AWS_ENDPOINT_URL="http://127.0.0.1:9").code == 1
    assert list(file.parent.iterdir()) == [file]
    assert loginpipe("send", str(file)).code == 0
    assert queues.count() == 25


def test_send_empty_file_finds_nothing(loginpipe: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "empty.jsonl"
    file.touch()
    finished = loginpipe("send", str(file))
    assert (finished.code, finished.out) == (4, "")


def test_send_lines(loginpipe: CommandLine, queues: Queues, database: Scratch, function: Function, file: Path) -> None:
    finished = loginpipe("--json", "send", str(file))
    assert finished.code == 0
    assert finished.data == {"sent": 25, "sent_before": 0, "bad": [], "refused": []}
    queues.deliver(function)
    assert database.rows() == sorted((f"user {number}",) for number in range(25))
    assert list(file.parent.iterdir()) == [file]


def test_send_again_is_new_events(
    loginpipe: CommandLine, queues: Queues, database: Scratch, function: Function, file: Path
) -> None:
    for _ in range(2):
        assert loginpipe("send", str(file)).code == 0
    queues.deliver(function)
    assert database.count() == 50


def test_send_bad_lines(loginpipe: CommandLine, queues: Queues, tmp_path: Path) -> None:
    good = json.dumps(make_body())
    lines = [good, "no json: 198.51.100.77", "", json.dumps(make_body(ip="canary")), '["list"]', good]
    file = tmp_path / "mixed.jsonl"
    file.write_bytes("\n".join(lines).encode() + b"\n\xff\xfe\n")
    finished = loginpipe("send", str(file))
    assert finished.code == 3
    assert "Line 2: invalid_json; not sent" in finished.err
    assert "Line 4: invalid_ip (ip); not sent" in finished.err
    assert "Line 5: not_an_object; not sent" in finished.err
    assert "Line 7: invalid_json" in finished.err
    assert "canary" not in finished.out + finished.err
    assert "198.51" not in finished.out + finished.err
    assert queues.count() == 2
    assert loginpipe("--json", "send", "--unchecked", str(file)).data["sent"] == 6
    assert queues.count() == 8


def test_send_standard_input(loginpipe: CommandLine, queues: Queues) -> None:
    assert loginpipe("send", "-", answer=json.dumps([make_body(), make_body()])).code == 0
    assert queues.count() == 2


def sent_of(journal: Path) -> int:
    """How many lines the journal has as sent."""
    return int(json.loads(journal.read_text())["sent"]) if journal.exists() else 0


def test_send_killed_and_taken_up(
    loginpipe: CommandLine, queues: Queues, database: Scratch, function: Function, tmp_path: Path
) -> None:
    """SIGKILL again and again: each line is one row at the end."""
    count, portion = 800, 150
    file = tmp_path / "many.jsonl"
    file.write_text("".join(json.dumps(make_body(user_id=f"user {number}")) + "\n" for number in range(count)))
    journal = file.with_name("many.jsonl.sending")
    killed = 0
    for more in range(40):
        before = sent_of(journal)
        process = loginpipe.start("send", str(file))
        while process.poll() is None and sent_of(journal) < before + portion:
            time.sleep(0.002)
        time.sleep(0.001 * more)  # at another moment each time
        process.kill()
        process.communicate()
        if not journal.exists():  # all is sent, whether or not the process had time to say so
            break
        killed += 1
    else:
        pytest.fail("it never came to an end")
    assert killed >= 2
    assert not journal.exists()
    queues.deliver(function)
    assert database.rows() == sorted((f"user {number}",) for number in range(count))


def test_send_in_doubt_is_sent_again_as_same_event(
    loginpipe: CommandLine, queues: Queues, database: Scratch, function: Function, file: Path
) -> None:
    """As after a kill between SQS's confirmation and the journal: ten lines are sent twice."""
    journal = file.with_name(file.name + ".sending")
    begin_sending(file, queues.url + "-gone")
    state = journal.read_text()
    assert loginpipe("send", str(file), QUEUE_URL=queues.url).code == 1, "it belongs to another queue"
    state = state.replace(queues.url + "-gone", queues.url)
    for _ in range(2):
        journal.write_text(state)
        assert loginpipe("send", str(file)).code == 0
    queues.deliver(function)
    assert database.count() == 25


def test_send_changed_file_refused(loginpipe: CommandLine, queues: Queues, file: Path) -> None:
    begin_sending(file, queues.url)
    file.write_text(json.dumps(make_body()))
    finished = loginpipe("send", str(file))
    assert finished.code == 1
    assert "another version of this file" in finished.err
    assert queues.count() == 0


def test_send_missing_file(loginpipe: CommandLine, tmp_path: Path) -> None:
    finished = loginpipe("send", str(tmp_path / "none"))
    assert (finished.code, "cannot be read" in finished.err) == (1, True)
