"""The one place that makes a salt: random bytes that nobody sees, as a version of its SSM parameter."""

import base64
import secrets
from typing import TYPE_CHECKING, Any

from lambda_src.salt import SHORTEST_KEY

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

DESCRIPTION = "Salt of the pseudonyms. Without it, no new row can be compared with an old one."


def put_new_salt(ssm: "SSMClient", parameter: str, kms_key: str | None, *, overwrite: bool) -> int:
    """Puts a random salt; returns its version. `kms_key` None means the account's own key for SSM.

    Raises ClientError: ParameterAlreadyExists where there is one and `overwrite` is false.
    """
    key: Any = {"KeyId": kms_key} if kms_key else {}
    description: Any = {} if overwrite else {"Description": DESCRIPTION}
    value = base64.b64encode(secrets.token_bytes(SHORTEST_KEY)).decode()
    answer = ssm.put_parameter(
        Name=parameter, Value=value, Type="SecureString", Overwrite=overwrite, **description, **key
    )
    return answer["Version"]
