import pytest

from infra.delivery import (
    DEAD_LETTER_RETENTION_DAYS,
    MAX_OUTAGE_MINUTES,
    MAX_RECEIVES,
    QUEUE_RETENTION_DAYS,
    ConnectionBudget,
    Delivery,
)


@pytest.mark.parametrize("timeout", [3, 30, 900])
@pytest.mark.parametrize("window", [0, 5, 300])
@pytest.mark.parametrize("outage_minutes", [1, 30, 720, MAX_OUTAGE_MINUTES])
def test_delivery_outlives_the_outage(timeout: int, window: int, outage_minutes: int) -> None:
    delivery = Delivery(timeout_seconds=timeout, window_seconds=window, quarantine=True, outage_minutes=outage_minutes)
    assert delivery.visibility_seconds >= 6 * timeout + window
    assert 5 <= delivery.max_receive_count <= 1000
    outlived = delivery.visibility_seconds * delivery.max_receive_count
    assert outage_minutes * 60 <= outlived < QUEUE_RETENTION_DAYS * 86400


@pytest.mark.parametrize(("quarantine", "hours", "receives"), [(True, 12, 234), (False, 0.5, 10)])
def test_outage_by_default_is_long_only_where_rejects_need_not_wait(
    quarantine: bool, hours: float, receives: int
) -> None:
    delivery = Delivery(timeout_seconds=30, window_seconds=5, quarantine=quarantine)
    assert delivery.outage_seconds == hours * 3600
    assert (delivery.visibility_seconds, delivery.max_receive_count) == (185, receives)


def test_delivery_stays_within_the_limits_of_sqs() -> None:
    brisk = Delivery(timeout_seconds=3, window_seconds=0, quarantine=True, outage_minutes=MAX_OUTAGE_MINUTES)
    assert brisk.max_receive_count <= MAX_RECEIVES
    assert brisk.visibility_seconds > 6 * 3
    slow = Delivery(timeout_seconds=900, window_seconds=300, quarantine=True, outage_minutes=1)
    assert slow.visibility_seconds <= 12 * 3600


def test_dead_letters_outlive_the_queue() -> None:
    assert DEAD_LETTER_RETENTION_DAYS > QUEUE_RETENTION_DAYS


@pytest.mark.parametrize("ingest", [4, 40, 1000])
def test_budget_leaves_room_for_two_generations_of_the_function(ingest: int) -> None:
    budget = ConnectionBudget(ingest=ingest)
    assert 2 <= budget.max_concurrency <= 1000, "the limits of MaximumConcurrency"
    assert 2 * budget.max_concurrency <= ingest
    assert budget.max_connections > ingest + budget.analysts
