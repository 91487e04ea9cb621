"""The salt in SSM: its name, its ARN and its permissions. The provision function creates the value."""

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct


class Salt(Construct):
    """The salt's name, ARN and permissions. It is a SecureString, which CloudFormation cannot create."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        self.key = key
        self.arn = Stack.of(self).format_arn(
            service="ssm",
            resource="parameter",
            resource_name=name.removeprefix("/"),
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )

    def read_statements(self) -> list[iam.PolicyStatement]:
        """Return the permission to read the salt."""
        return [
            iam.PolicyStatement(sid="ReadSalt", actions=["ssm:GetParameter"], resources=[self.arn]),
            self._key_statement("DecryptSalt", "kms:Decrypt"),
        ]

    def history_statements(self) -> list[iam.PolicyStatement]:
        """Return the permission to read all versions of the salt, including those that masked older rows."""
        return [
            iam.PolicyStatement(sid="ReadSaltHistory", actions=["ssm:GetParameterHistory"], resources=[self.arn]),
            self._key_statement("DecryptSalt", "kms:Decrypt"),
        ]

    def create_statements(self) -> list[iam.PolicyStatement]:
        """Return the permission to create the salt, but never to overwrite it."""
        return [
            iam.PolicyStatement(
                sid="CreateSalt",
                actions=["ssm:PutParameter"],
                resources=[self.arn],
                conditions={"StringEquals": {"ssm:Overwrite": "false"}},
            ),
            self._key_statement("EncryptSalt", "kms:Encrypt"),
        ]

    def delete_statement(self) -> iam.PolicyStatement:
        """Return the permission to delete the salt."""
        return iam.PolicyStatement(sid="DeleteSalt", actions=["ssm:DeleteParameter"], resources=[self.arn])

    def _key_statement(self, sid: str, action: str) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid=sid,
            actions=[action],
            resources=[self.key.key_arn],
            conditions={
                "StringEquals": {
                    "kms:ViaService": f"ssm.{Aws.REGION}.amazonaws.com",
                    "kms:EncryptionContext:PARAMETER_ARN": self.arn,
                }
            },
        )
