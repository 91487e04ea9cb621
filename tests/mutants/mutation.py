"""One line broken in one way."""

from typing import NamedTuple


class Mutation(NamedTuple):
    """`old`, which occurs once in `file`, becomes `new`; at least one of `tests` must fail then."""

    promise: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
