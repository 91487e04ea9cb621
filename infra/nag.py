"""Acknowledgments of cdk-nag's findings: none without a reason."""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge findings on a construct and what is in it: id of the finding to reason."""
    Validations.of(construct).acknowledge(*(Acknowledgment(id=id_, reason=why) for id_, why in reasons.items()))
