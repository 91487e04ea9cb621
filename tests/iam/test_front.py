"""Real calls with the credentials of the functions that are similar to needed calls, and must be refused."""

from collections.abc import Callable
from typing import Any

import boto3
import psycopg2
import pytest
from botocore.exceptions import ClientError

from lambda_src.connection import connection_arguments
from lambda_src.settings import load_database_settings
from tests.iam.callers import Place
from tests.iam.conftest import Played
from tests.iam.runtime import access_key
from tests.iam.scenario import INGEST, PROVISION, function_of

Call = Callable[[Any, dict[str, str]], object]
CALLS: dict[str, tuple[str, str, Call]] = {
    "history of the salt": (INGEST, "ssm", lambda ssm, o: ssm.get_parameter_history(Name=o["SaltParameter"])),
    "another parameter": (INGEST, "ssm", lambda ssm, o: ssm.get_parameter(Name=f"{o['SaltParameter']}2")),
    "a new salt": (
        INGEST,
        "ssm",
        lambda ssm, o: ssm.put_parameter(Name=o["SaltParameter"], Value="any", Type="SecureString"),
    ),
    "another value of the salt": (
        PROVISION,
        "ssm",
        lambda ssm, o: ssm.put_parameter(Name=o["SaltParameter"], Value="any", Type="SecureString", Overwrite=True),
    ),
    "the queue of logins": (INGEST, "sqs", lambda sqs, o: sqs.send_message(QueueUrl=o["QueueUrl"], MessageBody="any")),
    "reading dead letters": (INGEST, "sqs", lambda sqs, o: sqs.receive_message(QueueUrl=o["DeadLetterQueueUrl"])),
    "the key of the salt": (INGEST, "kms", lambda kms, o: kms.decrypt(KeyId=o["SaltKeyArn"], CiphertextBlob=b"any")),
    "an operation": (INGEST, "lambda", lambda client, o: client.invoke(FunctionName=o["RemoverFunctionName"])),
}


@pytest.mark.parametrize("name", CALLS)
def test_neighbour_is_refused_as_aws_refuses_it(played: Played, name: str) -> None:
    module, service, call = CALLS[name]
    client = played.runtime.client(service, access_key(function_of(played.account, module), Place.CODE))
    with pytest.raises(ClientError) as caught:
        call(client, played.account.outputs)
    client.close()
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert "is not authorized to perform" in error["Message"]


def test_stranger_is_unknown(played: Played) -> None:
    client = played.runtime.client("ssm", "nobody")
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        client.get_parameter(Name=played.account.outputs["SaltParameter"])
    client.close()


@pytest.mark.parametrize("user", ["custodian", "remover", "pipeline_owner"])
def test_log_in_as_another_role_is_refused(played: Played, monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    function = played.account.functions[function_of(played.account, INGEST)]
    variables = {**function.environment, **played.runtime.database, "AWS_REGION": "us-east-1"}
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access_key(function.name, Place.CODE))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    own = connection_arguments(load_database_settings(variables))
    psycopg2.connect(**own).close()
    with pytest.raises(psycopg2.OperationalError, match=f'authentication failed for user "{user}"'):
        psycopg2.connect(**connection_arguments(load_database_settings({**variables, "PGUSER": user})))
    with pytest.raises(psycopg2.OperationalError, match=f'authentication failed for user "{user}"'):
        psycopg2.connect(**{**own, "user": user})  # with a token for its own role
