"""The settings of AWS services that send events to the queue, in addition to producers that send directly."""

from dataclasses import dataclass

from infra.settings.values import setting, text


@dataclass(frozen=True, kw_only=True)
class UpstreamSettings:
    """An SNS topic or an EventBridge bus that exists already; each field is one context key."""

    sns_topic_arn: str | None = setting(
        text(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?", "an SNS topic's ARN"),
        "existing SNS topic to subscribe the queue to; raw delivery is off with envelope=sns, else on",
        default=None,
    )
    event_bus_name: str | None = setting(
        text(r"[A-Za-z0-9._/-]{1,256}", "the name of an event bus"),
        "existing EventBridge bus whose events a rule sends to the queue, with envelope=eventbridge",
        default=None,
    )
    event_detail_type: str | None = setting(
        text(r"[ -~]{1,128}", "a detail-type, such as UserLoggedIn"),
        "detail-type of the events that the rule takes from eventBusName; by default it takes all",
        default=None,
    )
