"""Rows as COPY text: each of them once, in their order, and an error is never taken for the end."""

from collections.abc import Iterator

import pytest

from lambda_src.copying import ROWS_PER_CHUNK, CopyStream
from lambda_src.masking import Row
from lambda_src.rejects import Reason, Reject

REJECT = Reject("message", "event", Reason.EMPTY, "ip")


def make_row(number: int) -> Row:
    return Row(f"message {number}", "event", "2023-11-15", 1, f"ünï {number}\n", (), 0)


def read_all(stream: CopyStream) -> list[bytes]:
    chunks = []
    while chunk := stream.read():
        chunks.append(chunk)
    return chunks


@pytest.mark.parametrize("count", [0, 1, ROWS_PER_CHUNK, ROWS_PER_CHUNK + 1, 3 * ROWS_PER_CHUNK])
def test_each_row_is_read_once_and_in_order(count: int) -> None:
    stream = CopyStream(map(make_row, range(count)))
    chunks = read_all(stream)
    assert b"".join(chunks) == "".join(f"ünï {number}\n" for number in range(count)).encode()
    assert [chunk.count(b"\n") for chunk in chunks[:-1]] == [ROWS_PER_CHUNK] * (len(chunks) - 1)
    assert stream.rows == [make_row(number) for number in range(count)]
    assert stream.read() == b""


def test_chunk_of_rejects_is_not_the_end() -> None:
    stream = CopyStream([*[REJECT] * (2 * ROWS_PER_CHUNK), make_row(1)])
    assert read_all(stream) == [make_row(1).line.encode()]
    assert stream.rejects == [REJECT] * (2 * ROWS_PER_CHUNK)


def test_rows_that_were_taken_before_are_read_first() -> None:
    stream = CopyStream(map(make_row, range(5)))
    assert stream.take(2)
    assert len(stream.rows) == 2
    assert b"".join(read_all(stream)) == "".join(make_row(number).line for number in range(5)).encode()


def test_no_more_is_read_than_a_chunk() -> None:
    coming = iter(range(10 * ROWS_PER_CHUNK))
    CopyStream(map(make_row, coming)).read()
    assert next(coming) == ROWS_PER_CHUNK


def test_take_says_whether_anything_was_left() -> None:
    stream = CopyStream([REJECT, make_row(1), REJECT])
    assert stream.take(1)
    assert stream.take()
    assert not stream.take()
    assert (stream.rows, stream.rejects) == ([make_row(1)], [REJECT, REJECT])


def test_error_comes_again_at_each_try() -> None:
    def fail() -> Iterator[Row]:
        yield make_row(1)
        raise MemoryError

    stream = CopyStream(fail())
    for _ in range(2):
        with pytest.raises(MemoryError):
            stream.take()
    assert stream.rows == [make_row(1)]
