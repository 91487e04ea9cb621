"""`send`: each event of a file exactly once, bad lines by their numbers."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from lambda_src.envelopes import OPENERS
from ops.packing import PACK
from ops.queues import Queue, Sent
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
    Journal.open(file, f"{file.read_text()}\0{False}\0{PACK}\0{None}", queue_url).save()


def test_failed_send_stands_in_nobodys_way(loginpipe: CommandLine, queues: Queues, file: Path) -> None:
    assert loginpipe("send", str(file), QUEUE_URL=queues.url + "-gone").code == 1
    assert list(file.parent.iterdir()) == [file]
    assert loginpipe("send", str(file), AWS_ENDPOINT_URL="http://127.0.0.1:9").code == 1
    assert list(file.parent.iterdir()) == [file]
    assert loginpipe("send", str(file)).code == 0
    assert queues.count() == 1, "25 events in one message"


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
    file.write_bytes("\n".join(lines).encode() + b"\n\xff\xfe\n" + b"x" * 1_048_576)
    finished = loginpipe("send", str(file))
    assert finished.code == 3
    assert finished.err.splitlines() == [
        "Line 2: invalid_json; not sent",
        "Line 4: invalid_ip (ip); not sent",
        "Line 5: not_an_object; not sent",
        "Line 7: invalid_utf8; not sent",
        "Line 8: too_large; not sent",
    ]
    assert queues.count() == 1
    assert loginpipe("--json", "send", "--unchecked", str(file)).data["sent"] == 5
    assert queues.count() == 1 + 5, "what is no object goes alone"


def test_send_nothing_but_bad_lines(loginpipe: CommandLine, queues: Queues, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_bytes(b'{"device_id": "caf\xe9"}\n')
    finished = loginpipe("--json", "send", "--unchecked", str(file))
    assert (finished.code, queues.count()) == (3, 0)
    assert finished.data["bad"] == [{"number": 1, "line": None, "reason": "invalid_utf8", "field": None}]


def test_send_message_that_sqs_refuses(
    loginpipe: CommandLine, queues: Queues, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Queue.send

    def refuse_second(self: Queue, messages: Any) -> Sent:
        sent = send(self, [messages[0], *messages[2:]])
        return Sent(sent.message_ids, {1: "InvalidMessageContents"})

    monkeypatch.setattr(Queue, "send", refuse_second)
    finished = loginpipe("send", "--pack", "10", str(file))
    assert (finished.code, finished.out, queues.count()) == (3, "Sent 15 events.\n", 2)
    assert finished.err.count("SQS refused it (InvalidMessageContents)") == 10
    assert "Line 11: SQS" in finished.err


def test_send_standard_input(loginpipe: CommandLine, queues: Queues) -> None:
    answer = json.dumps([make_body(), make_body()])
    assert loginpipe("send", "-", "--pack", "1", answer=answer).code == 0
    assert queues.count() == 2


@pytest.mark.parametrize("envelope", ["none", *OPENERS])
@pytest.mark.parametrize("pack", [1, 10])
def test_send_in_the_envelope_of_the_pipeline(
    loginpipe: CommandLine,
    queues: Queues,
    database: Scratch,
    function: Function,
    monkeypatch: pytest.MonkeyPatch,
    file: Path,
    envelope: str,
    pack: int,
) -> None:
    monkeypatch.setenv("ENVELOPE", envelope)  # of the function
    assert loginpipe("send", "--pack", str(pack), str(file), ENVELOPE=envelope).code == 0
    assert queues.count() == (25 if pack == 1 else 3)
    queues.deliver(function)
    assert database.rows() == sorted((f"user {number}",) for number in range(25))
    assert database.rows("count(*)", "rejected_logins") == [(0,)]


def test_send_in_an_envelope_that_is_none(loginpipe: CommandLine, file: Path) -> None:
    finished = loginpipe("send", str(file), ENVELOPE="kafka")
    assert (finished.code, "ENVELOPE must be one of none, sns" in finished.err) == (2, True)


def sent_of(journal: Path) -> int:
    """How many lines the journal has as sent."""
    return int(json.loads(journal.read_text())["sent"]) if journal.exists() else 0


def test_send_killed_and_taken_up(
    loginpipe: CommandLine, queues: Queues, database: Scratch, function: Function, tmp_path: Path
) -> None:
    """SIGKILL again and again: each line is one row at the end."""
    count, portion = 8000, 1500
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
    assert (finished.code, "cannot be read" in finished.err) == (2, True)
