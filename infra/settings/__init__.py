"""The settings of the cloud stack: the CDK context, read and checked once."""

from infra.settings.context import ContextError, key_help, parse_context
from infra.settings.settings import Settings

__all__ = ["ContextError", "Settings", "key_help", "parse_context"]
