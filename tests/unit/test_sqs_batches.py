"""How many messages go into one call to SQS."""

from typing import Any

import pytest

from lambda_src.sqs_batches import BYTES_PER_CALL, message_size, pack


def test_size_is_in_bytes_and_counts_attributes() -> None:
    attributes: dict[str, dict[str, Any]] = {
        "ä": {"DataType": "String", "StringValue": "€"},
        "b": {"DataType": "Binary", "BinaryValue": b"\0\0\0\0"},
    }
    assert message_size("ü", {}) == 2
    assert message_size("ü", attributes) == 2 + (2 + 6 + 3) + (1 + 6 + 4)


def test_call_takes_ten_messages() -> None:
    assert list(pack(range(25), lambda _: 1)) == [[*range(10)], [*range(10, 20)], [*range(20, 25)]]
    assert list(pack(range(10), lambda _: 1)) == [[*range(10)]]
    assert list(pack([], len)) == []


@pytest.mark.parametrize(
    ("sizes", "calls"),
    [
        ([BYTES_PER_CALL - 1, 1], [[BYTES_PER_CALL - 1, 1]]),
        ([BYTES_PER_CALL - 1, 2], [[BYTES_PER_CALL - 1], [2]]),
        ([BYTES_PER_CALL // 2, BYTES_PER_CALL // 2, 1], [[BYTES_PER_CALL // 2, BYTES_PER_CALL // 2], [1]]),
        ([BYTES_PER_CALL, BYTES_PER_CALL - 1, 1], [[BYTES_PER_CALL], [BYTES_PER_CALL - 1, 1]]),
        ([1, BYTES_PER_CALL + 1, 1], [[1], [BYTES_PER_CALL + 1], [1]]),
    ],
    ids=["full", "one byte too many", "all count", "second call counts anew", "larger than a call"],
)
def test_call_takes_256_kib(sizes: list[int], calls: list[list[int]]) -> None:
    assert BYTES_PER_CALL == 256 * 1024
    assert list(pack(sizes, int)) == calls
