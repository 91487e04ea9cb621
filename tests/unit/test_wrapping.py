"""Envelopes as `send` makes them: the function opens them, and finds the event, its id and its time."""

import pytest

from lambda_src.envelopes import OPENERS, detect_envelope, open_envelope
from ops.wrapping import wrap

EVENT = '{"a": "\\"é\\"", "b": 1.50}'
KEYS = {"cloudevents": "loginpipe id-1"}
TIME = 1_767_225_600_123


@pytest.mark.parametrize("kind", OPENERS)
def test_function_opens_it(kind: str) -> None:
    text = wrap(EVENT, kind, "id-1", TIME)
    assert detect_envelope(text) == kind
    assert open_envelope(text, kind) == (EVENT, KEYS.get(kind, "id-1"), TIME)
