"""The deploy step: migrates, creates a missing salt, and reads it. A second run changes nothing."""

import logging
import time
from contextlib import closing
from dataclasses import replace
from typing import Any

import boto3
import psycopg2
from botocore.exceptions import BotoCoreError, ClientError
from psycopg2 import extensions

from lambda_src.aws_logs import silence_sdk
from lambda_src.connection import connection_arguments, explained_login
from lambda_src.errors import PipelineError, SaltError, SetupError
from lambda_src.masking import Salt
from lambda_src.migrate import migrate
from lambda_src.new_salt import put_new_salt
from lambda_src.public_schema import WARNING, public_may_create
from lambda_src.salt import CLIENT_CONFIG, fetch_salt
from lambda_src.settings import DatabaseSettings, load_provision_settings

# A new RDS database refuses IAM log-ins for a while after RDS reports it as available.
IAM_PATIENCE_SECONDS = 120
RETRY_SECONDS = 5
KNOWS_SALTS = """
    SELECT EXISTS (SELECT FROM public.user_logins) OR EXISTS (SELECT FROM public.pseudonym_links)
        OR EXISTS (SELECT FROM public.salt_versions)
"""
SET_VALUE_LIMIT = "UPDATE audit.value_limit SET per_hour = %s"
SELECT_FINGERPRINT = "SELECT fingerprint FROM public.salt_versions WHERE version = %s"

silence_sdk()
logger = logging.getLogger("lambda_src.provision")
logger.setLevel(logging.INFO)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 (Lambda passes both)
    """Migrates, sets the roles' passwords if they use any, creates and reads the salt; returns a summary.

    Raises PipelineError, which makes the deploy fail and roll back.
    """
    settings = load_provision_settings()
    with closing(_log_in(settings.database)) as connection:
        applied = migrate(connection, daily_partitions=settings.daily_partitions)
        with connection, connection.cursor() as cursor:
            if public_may_create(cursor):
                logger.warning(WARNING)
            if settings.values_per_hour is not None:
                cursor.execute(SET_VALUE_LIMIT, (settings.values_per_hour,))
        set_for = [
            role
            for role, password in settings.passwords.items()
            if _set_password(connection, replace(settings.database, user=role, password=password, iam_auth=False))
        ]
        # SSM numbers a re-created parameter from 1 again, so only a database without logins may get version 1.
        salt_created = not _knows_salts(connection) and create_salt(
            settings.salt_parameter, settings.salt_key, settings.region
        )
        # Read with this function's permissions: an unusable salt has to fail the deploy, not the first batch.
        _check_key(connection, fetch_salt(settings.salt_parameter, settings.region))
    done = {"migrations": applied, "passwords_set": set_for, "salt_created": salt_created}
    logger.info("provisioned", extra=done)
    return done


def create_salt(parameter: str, key: str, region: str | None) -> bool:
    """Creates the salt from random bytes if the parameter does not exist; returns True if it did so. Raises SaltError.

    `key` is the id, ARN or alias of the KMS key that encrypts it.
    """
    try:
        ssm = boto3.client("ssm", region_name=region, config=CLIENT_CONFIG)
        put_new_salt(ssm, parameter, key, overwrite=False)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        if code == "ParameterAlreadyExists":
            return False
        raise SaltError(
            f"SSM refuses to create the salt parameter {parameter} ({code}). Allow ssm:PutParameter on it and "
            "kms:Encrypt on its key."
        ) from None
    except BotoCoreError as error:
        raise SaltError(
            f"SSM cannot be reached to create the salt parameter {parameter} ({type(error).__name__}). Check the "
            "endpoint, the region, the credentials and the network."
        ) from None
    return True


def _log_in(settings: DatabaseSettings) -> extensions.connection:
    deadline = time.monotonic() + (IAM_PATIENCE_SECONDS if settings.iam_auth else 0)
    while True:
        try:
            with explained_login():
                connection: extensions.connection = psycopg2.connect(**connection_arguments(settings))
        except PipelineError:
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return connection


def _knows_salts(connection: extensions.connection) -> bool:
    """Returns whether the database holds any masked value."""
    with connection, connection.cursor() as cursor:
        cursor.execute(KNOWS_SALTS)
        return cursor.fetchone() == (True,)


def _check_key(connection: extensions.connection, salt: Salt) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute(SELECT_FINGERPRINT, (salt.version,))
        if cursor.fetchone() not in (None, (salt.fingerprint,)):
            raise SaltError(
                f"Version {salt.version} of the salt had another key when this database was written: the parameter was "
                "re-created. Store a version that was never used: loginpipe salt rotate."
            )


def _set_password(connection: extensions.connection, login: DatabaseSettings) -> bool:
    try:
        _log_in(login).close()
    except SetupError:  # the login was refused: the role has no password yet, or another one
        pass
    else:
        return False
    # Hashed here, so that neither the statement nor the server's log holds the password.
    verifier = extensions.encrypt_password(login.password or "", login.user, connection, "scram-sha-256")
    with connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {login.user} PASSWORD %s", (verifier,))
    return True
