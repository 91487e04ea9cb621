"""Explains failures, and adds advice if AWS's own message has none."""

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError

from lambda_src.errors import PipelineError, SettingsError
from ops.errors import Exit, NothingFoundError, StoppedError, UsageError


def explain(error: Exception) -> tuple[int, str] | None:
    """Returns exit code and message; None if the error is a bug of the program."""
    if isinstance(error, PipelineError):
        return _exit_code(error), str(error)
    if isinstance(error, BotoCoreError | ClientError):
        return Exit.FAILED, _explain_aws(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return Exit.FAILED, f"{place}{error.strerror or type(error).__name__}."
    if isinstance(error, ValueError) and str(error).startswith(("Invalid endpoint", "Port ")):
        return Exit.USAGE, f"{error}: correct AWS_ENDPOINT_URL, such as http://127.0.0.1:4566."
    return None


def _exit_code(error: PipelineError) -> int:
    codes = {NothingFoundError: Exit.NOTHING, StoppedError: Exit.STOPPED, UsageError: Exit.USAGE}
    return next((code for kind, code in (codes | {SettingsError: Exit.USAGE}).items() if isinstance(error, kind)), 1)


def _explain_aws(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, NoCredentialsError):
        return "There are no AWS credentials: log in (aws sso login), or set AWS_PROFILE or AWS_ACCESS_KEY_ID."
    if isinstance(error, NoRegionError):
        return "The AWS region is not known: set AWS_REGION."
    if isinstance(error, EndpointConnectionError):
        return f"AWS cannot be reached: {error}"
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        return f"AWS refuses {error.operation_name} ({details.get('Code')}): {details.get('Message', '')}"
    return str(error)
