"""The dead-letter queue must not be the queue itself, however its URL is written."""

import pytest

from lambda_src.errors import SettingsError
from lambda_src.quarantine import Quarantine
from lambda_src.sqs import is_same_queue, source_arn

ARN = "arn:aws:sqs:eu-central-1:111122223333:logins"


@pytest.mark.parametrize(
    ("url", "is_same"),
    [
        ("https://sqs.eu-central-1.amazonaws.com/111122223333/logins", True),
        ("https://sqs.eu-central-1.amazonaws.com/111122223333/logins/", True),
        ("https://eu-central-1.queue.amazonaws.com/111122223333/logins", True),
        ("http://127.0.0.1:4566/111122223333/logins", True),
        ("http://localhost:4566/queue/eu-central-1/111122223333/logins", True),
        ("https://sqs.eu-central-1.amazonaws.com/111122223333/logins-dlq", False),
        ("https://sqs.eu-central-1.amazonaws.com/111122223333/other-logins", False),
        ("https://sqs.eu-central-1.amazonaws.com/999999999999/logins", False),
        ("https://sqs.us-east-1.amazonaws.com/111122223333/logins", False),
        ("logins", False),
    ],
)
def test_queue_by_url_and_arn(url: str, *, is_same: bool) -> None:
    assert is_same_queue(url, ARN) == is_same
    quarantine = Quarantine(url, None, None)
    if is_same:
        with pytest.raises(SettingsError, match="DLQ_URL is the queue"):
            quarantine.check_source(ARN)
    else:
        quarantine.check_source(ARN)


@pytest.mark.parametrize("arn", [None, "", 7, "arn:aws:sqs", "a:b:c:d:e"])
def test_source_that_is_not_said_is_another_queue(arn: object) -> None:
    Quarantine("http://127.0.0.1/111122223333/logins", None, None).check_source(arn)
    Quarantine(None, None, None).check_source(ARN)


def test_source_of_a_batch() -> None:
    assert source_arn([{"messageId": "1", "eventSourceARN": ARN}]) == ARN
    assert source_arn([{"messageId": "1"}]) is None
    assert source_arn([]) is None
