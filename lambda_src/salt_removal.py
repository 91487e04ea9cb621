"""A custom resource of CloudFormation: deletes the salt when its stack is destroyed."""

import json
from typing import Any
from urllib.request import Request, urlopen

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.salt import CLIENT_CONFIG

ANSWER_SECONDS = 30


def lambda_handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001 (Lambda passes both)
    """Deletes the parameter that the resource names, on a Delete request, and answers CloudFormation.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
    """
    parameter = event["ResourceProperties"]["Parameter"]
    reason = _delete(parameter) if event["RequestType"] == "Delete" else None
    answer = {
        "Status": "FAILED" if reason else "SUCCESS",
        "Reason": reason or "",
        # The id is constant. With a new id, CloudFormation would delete the old salt when the parameter's name changes.
        "PhysicalResourceId": event["LogicalResourceId"],
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    request = Request(event["ResponseURL"], json.dumps(answer).encode(), {"content-type": ""}, method="PUT")  # noqa: S310
    with urlopen(request, timeout=ANSWER_SECONDS):  # noqa: S310 (CloudFormation's own address)
        pass


def _delete(parameter: str) -> str | None:
    try:
        boto3.client("ssm", config=CLIENT_CONFIG).delete_parameter(Name=parameter)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        return None if code == "ParameterNotFound" else f"SSM refuses to delete {parameter} ({code})"
    except BotoCoreError as error:
        return f"SSM cannot be reached to delete {parameter} ({type(error).__name__})"
    return None
