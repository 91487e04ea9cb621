"""How a function logs in to a database: the environment variables and the permission that it needs."""

from dataclasses import dataclass

from aws_cdk import ArnFormat, SecretValue, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

# The path in the bundle of Amazon's certificate authorities for RDS and RDS Proxy.
ROOT_CERTIFICATES = "/var/task/database-ca.pem"


@dataclass(frozen=True, kw_only=True)
class DatabaseAccess:
    """How one role logs in to one database: by IAM token (`resource_id` of the database or proxy) or by `password`.

    `password` is a reference that CloudFormation resolves; the template never holds the value. `security_group` is the
    database's security group, if it is in a VPC.
    """

    host: str
    port: int
    name: str
    user: str
    ssl_mode: str = "verify-full"
    resource_id: str | None = None
    password: SecretValue | None = None
    security_group: ec2.ISecurityGroup | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The PG* variables and DB_IAM_AUTH of the function."""
        values = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": self.name,
            "PGUSER": self.user,
            "PGSSLMODE": self.ssl_mode,
        }
        if self.ssl_mode.startswith("verify"):
            values["PGSSLROOTCERT"] = ROOT_CERTIFICATES
        if self.password:
            values["PGPASSWORD"] = self.password.unsafe_unwrap()
        else:
            values["DB_IAM_AUTH"] = "true"
        return values

    def statements(self, scope: Construct) -> list[iam.PolicyStatement]:
        """Return the permission to log in by IAM token as this one user; none is needed with a password."""
        if self.resource_id is None:
            return []
        arn = Stack.of(scope).format_arn(
            service="rds-db",
            resource="dbuser",
            resource_name=f"{self.resource_id}/{self.user}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return [iam.PolicyStatement(sid="LogInToDatabase", actions=["rds-db:connect"], resources=[arn])]
