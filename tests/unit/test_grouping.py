"""Tests that share what is dear to make run in one process."""

import os

import pytest


@pytest.mark.xdist_group("grouping")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="only one process runs the tests")
def test_pytest_xdist_groups_marked_tests(request: pytest.FixtureRequest) -> None:
    """The scheduler reads the group from the end of a test's id."""
    assert request.node.nodeid.endswith("@grouping")
