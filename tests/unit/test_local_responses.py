"""What the event source makes of a function's response, by AWS's rules for partial batch responses."""

import pytest

from ops.sqs_event import failed_messages

DELIVERED = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("response", "failed"),
    [
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, {"b"}),
        (
            {"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "b"}, {"itemIdentifier": "a"}]},
            {"a", "b"},
        ),
        ({"batchItemFailures": [{"itemIdentifier": "c", "more": 1}], "more": 1}, {"c"}),
    ],
)
def test_identifiers_name_the_failed_messages(response: object, failed: set[str]) -> None:
    assert failed_messages(response, DELIVERED) == failed


@pytest.mark.parametrize(
    "response", [None, {}, {"batchItemFailures": None}, {"batchItemFailures": []}, {"statusCode": 200}]
)
def test_nothing_reported_is_success(response: object) -> None:
    assert failed_messages(response, DELIVERED) == set()


@pytest.mark.parametrize(
    "response",
    [
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
        {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "unknown"}]},
        {"batchItemFailures": [{"itemIdentifier": 1}]},
        {"batchItemFailures": [{"itemIdentifier": ["a"]}]},
        {"batchItemFailures": [{"messageId": "a"}]},
        {"batchItemFailures": [{}]},
        {"batchItemFailures": ["a"]},
        {"batchItemFailures": {"itemIdentifier": "a"}},
        {"batchItemFailures": "a"},
        {"batchItemFailures": False},
        "done",
        "",
        [],
        0,
        True,
    ],
)
def test_response_that_breaks_the_rules_fails_the_whole_batch(response: object) -> None:
    assert failed_messages(response, DELIVERED) == set(DELIVERED)
