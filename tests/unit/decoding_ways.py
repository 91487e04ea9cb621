"""The two ways of decoding a body, held against each other."""

from types import ModuleType

import msgspec
import pytest

from lambda_src.rejects import Reason, RecordError

SMALLEST, LARGEST = -(2**31), 2**31 - 1  # of Postgres's type integer


def assert_ways_agree(decoding: ModuleType, text: str) -> None:
    """What the fast way of `decoding` accepts, the careful way accepts too, and finds the same values.

    Except for integers outside Postgres's type: the fast way leaves these to the parser.
    """
    if "\\" in text:
        return  # The fast way never sees it.
    try:
        fast = decoding._decode(text)  # noqa: SLF001  each way by itself
    except (msgspec.DecodeError, UnicodeEncodeError):
        return
    integers = [value for value in msgspec.structs.astuple(fast) if type(value) is int]
    if not all(SMALLEST <= value <= LARGEST for value in integers):
        with pytest.raises(RecordError, match=Reason.OUT_OF_RANGE):
            decoding._decode_carefully(text)  # noqa: SLF001
        return
    careful, unknown_fields = decoding._decode_carefully(text)  # noqa: SLF001
    assert unknown_fields == 0
    assert careful == fast
    # One and true are equal in Python.
    kinds = [[type(value) for value in msgspec.structs.astuple(body)] for body in (careful, fast)]
    assert kinds[0] == kinds[1]
