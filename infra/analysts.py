"""Network access of analysts to the database of the stack: closed, unless a setting opens it."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.database import Database
from infra.settings import Settings

ROLE = "analyst"
CLOSED = "no person can connect: set analystSecurityGroup or analystCidr"
EXISTING = "the existing database has rules of its own"


class Analysts(Construct):
    """Lets people connect from one security group, from one range of addresses, or not at all.

    `outputs` says how to connect. People log in as `analyst` by IAM token; the network alone gives no access.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, database: Database | None) -> None:
        super().__init__(scope, construct_id)
        if database is None:
            self.outputs = {"AnalystAccess": EXISTING}
            return
        peers: dict[str, ec2.IPeer] = {}
        if settings.analyst_security_group:
            peers[settings.analyst_security_group] = ec2.SecurityGroup.from_security_group_id(
                self, "People", settings.analyst_security_group, mutable=False
            )
        if settings.analyst_cidr:
            peers[settings.analyst_cidr] = ec2.Peer.ipv4(settings.analyst_cidr)
        for peer in peers.values():
            database.security_group.add_ingress_rule(peer, ec2.Port.tcp(database.port), "analysts to the database")
        self.outputs = {"AnalystAccess": f"from {' and '.join(peers)}" if peers else CLOSED}
        if peers:
            self.outputs |= {
                "AnalystHost": database.host,
                "AnalystPort": str(database.port),
                "AnalystResourceId": database.resource_id,
                "AnalystRole": ROLE,
            }
