"""The outputs of the stack: what people and commands need to find its parts."""

from collections.abc import Mapping

from aws_cdk import CfnOutput, Stack


def add_outputs(stack: Stack, values: Mapping[str, str]) -> None:
    """Add one output for each name. `ops` reads the outputs by these names, so they carry no hash."""
    for name, value in values.items():
        CfnOutput(stack, name, value=value)
