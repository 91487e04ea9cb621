"""How the owner and each role log in to the database."""

import json
from collections.abc import Sequence
from dataclasses import replace

from aws_cdk import RemovalPolicy, SecretValue
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.access import DatabaseAccess
from infra.database import Database
from infra.nag import acknowledge
from infra.settings import Settings


class Logins(Construct):
    """`owner` is the log-in of the tables' owner, `of[role]` that of each role: by IAM token or by password."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        name: str,
        key: kms.IKey,
        database: Database | None,
        roles: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        if database:
            self.owner = DatabaseAccess(
                host=database.host,
                port=database.port,
                name=database.name,
                user=settings.database_owner,
                resource_id=database.resource_id,
                security_group=database.security_group,
            )
        else:
            self.owner = self._existing(settings)
        self.of = {
            role: replace(
                self.owner, user=role, password=self._password(role, name, key) if self.owner.password else None
            )
            for role in roles
        }

    def _existing(self, settings: Settings) -> DatabaseAccess:
        group = settings.database_security_group
        owner = DatabaseAccess(
            host=str(settings.database_host),
            port=settings.database_port,
            name=settings.database_name,
            user=settings.database_owner,
            ssl_mode=settings.database_ssl_mode,
            resource_id=settings.database_resource_id,
            security_group=ec2.SecurityGroup.from_security_group_id(self, "Database", group) if group else None,
        )
        if not settings.database_secret:
            return owner
        return replace(
            owner,
            user=SecretValue.secrets_manager(settings.database_secret, json_field="username").unsafe_unwrap(),
            password=SecretValue.secrets_manager(settings.database_secret, json_field="password"),
        )

    def _password(self, role: str, name: str, key: kms.IKey) -> SecretValue:
        secret = secretsmanager.Secret(
            self,
            f"{role.capitalize()}Password",
            description=f"{name}: password of the database role {role}",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps({"username": role}),
                generate_string_key="password",
                exclude_punctuation=True,
                password_length=40,
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(
            secret,
            {"AwsSolutions-SMG4": "each deploy sets it in the database and in the function"},
        )
        return secret.secret_value_from_json("password")
