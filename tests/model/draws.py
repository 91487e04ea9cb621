"""Strategies for a history. They draw few users, devices, addresses and months, so that logins share them."""

from hypothesis import strategies as st

from tests.model.actors import Fault
from tests.model.logins import OLD_MONTH, Login
from tests.model.salt_steps import Rotate
from tests.model.steps import Archive, Forget, Redrive, Restore, Retention, Upkeep

FUNCTIONS = 3
USERS = "abc"
MONTHS = (OLD_MONTH, OLD_MONTH - 1, 1, 0)  # ago: retention can remove one month without a partition and keep another
AGO = st.sampled_from(MONTHS)
functions = st.integers(0, FUNCTIONS - 1)
users = st.sampled_from(USERS)
logins = st.builds(Login, users, st.integers(0, 2), st.integers(1, 2), AGO, st.booleans())
faults = st.none() | st.builds(
    Fault,
    st.sampled_from(("commit", "statement", "file", "connect", "aws")),
    st.integers(0, 6),
    st.sampled_from(("after", "before", "within")),
    st.sampled_from(("lost", "kill")),
)
clocks = st.sampled_from((0, 300, -300, 200_000))
bodies = st.sampled_from(("{", "[]", '{"user_id": "person-a"}', '{"ip": "device-9", "device_id": "device-9"}'))
months = st.sampled_from((OLD_MONTH, 1))
kept = st.sampled_from((OLD_MONTH - 1, 1))  # months
removals = st.one_of(
    st.builds(Archive, months, drop=st.sampled_from((True,))),
    st.builds(Restore, months),
    st.builds(Forget, users),
    st.builds(Retention, kept),
)
others = st.one_of(
    removals,
    st.builds(Archive, months, drop=st.sampled_from((False,))),
    st.builds(Upkeep),
    st.builds(Rotate),
    st.builds(Redrive, st.integers(0, 1)),
)
# Most often one switch: the second step then runs as a whole in the middle of the first.
turns = st.lists(st.integers(1, 30), min_size=1, max_size=1) | st.lists(st.integers(1, 12), max_size=4)
