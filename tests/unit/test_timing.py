"""The time that a batch needs."""

import pytest

from ops.timing import smallest_visibility


@pytest.mark.parametrize(("window", "visibility"), [(0, 5), (1, 6), (15.5, 21), (300, 305)])
def test_visibility_timeout_leaves_five_seconds_after_the_window(window: float, visibility: int) -> None:
    assert smallest_visibility(window) == visibility
