"""The environment variables of the function and of the command line."""

import ast
import inspect

from docs_tools.markdown import code, table
from lambda_src import settings
from ops.settings import PLACES

READERS = {"required", "optional", "verbatim", "one_of", "port", "count", "public_key"}
MEANINGS = {
    "SALT_PARAMETER": "name of the SSM SecureString with the salt: base64 of at least 32 random bytes",
    "DLQ_URL": "dead-letter queue to which the function sends rejected events itself (quarantine); not the queue "
    "of the events; unset: the redrive policy of that queue moves them",
    "ENVELOPE": "what is around each event: `none` (the default), `sns`, `eventbridge` or `cloudevents`",
    "VAULT_PUBLIC_KEY": "public key of the vault, as base64 of DER or as PEM; unset: no originals are kept",
    "PGHOST": "host of Postgres",
    "PGPORT": "port of Postgres; by default 5432",
    "PGDATABASE": "name of the database",
    "PGUSER": "role to log in as",
    "PGPASSWORD": "password of the role; unset where `DB_IAM_AUTH` is `true`",
    "PGSSLMODE": "`disable`, `allow`, `prefer` (the default), `require`, `verify-ca` or `verify-full`",
    "PGSSLROOTCERT": "file with the certificate authorities that are trusted, or `system`",
    "DB_IAM_AUTH": "`true`: log in with an IAM token; needs `PGSSLMODE` to be `require` or stricter",
    "AWS_ENDPOINT_URL": "endpoint of an AWS emulator",
    "AWS_REGION": "AWS region",
    "AWS_DEFAULT_REGION": "AWS region, where `AWS_REGION` is unset",
    "SALT_KEY": "KMS key of a new salt; by default `alias/aws/ssm`",
    "DAILY_PARTITIONS": "`true`: partition each month by day",
    "VALUES_PER_HOUR": "values that may be masked or looked up in an hour; unset: what the database says stays",
}
PROVISION_ONLY = {"SALT_KEY", "DAILY_PARTITIONS", "VALUES_PER_HOUR"}
POWERTOOLS = {
    "LOG_LEVEL": "least level of log lines; by default `INFO`",
    "POWERTOOLS_SERVICE_NAME": f"dimension `service` of the metrics; by default `{settings.SERVICE}`",
    "POWERTOOLS_METRICS_NAMESPACE": f"namespace of the metrics; by default `{settings.NAMESPACE}`",
}


def environment() -> str:
    """One row a variable that lambda_src/settings.py reads."""
    tree = ast.parse(inspect.getsource(settings))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    found = {
        call.args[0].value: call.func.attr
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in READERS
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }
    rows = [
        (code(name), "yes" if found[name] == "required" else "no", MEANINGS[name] + _only(name))
        for name in sorted(found)
    ]
    return table(("variable", "required", "meaning"), [*rows, *((code(n), "no", m) for n, m in POWERTOOLS.items())])


def _only(name: str) -> str:
    return " (provision and `migrate` only)" if name in PROVISION_ONLY else ""


def places() -> str:
    """One row a part of the pipeline that the command line has to find."""
    return table(
        ("variable", "output of the stack", "meaning"),
        ((code(place.variable), code(place.output), place.meaning) for place in PLACES.values()),
    )
