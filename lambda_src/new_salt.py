"""Makes a salt: random bytes that nobody sees, stored as a version of an SSM parameter. Nothing else makes one."""

import base64
import secrets
from typing import TYPE_CHECKING, Any

from lambda_src.salt import SHORTEST_KEY

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

USED_NUMBER = "No salt: this number belongs to an earlier key."
DESCRIPTION = "Salt of the pseudonyms. Without it, no new row can be compared with an old one."


def put_new_salt(
    ssm: "SSMClient", parameter: str, kms_key: str | None, *, overwrite: bool, newest: int = 0, above: int = 0
) -> int:
    """Stores a random salt as a version above `above`; returns its number. `newest` is SSM's current version.

    SSM numbers the versions of a deleted parameter from 1 again. Each number up to `above` may belong to another key,
    so it gets a text that no function accepts as a salt. `kms_key` None means the account's own key for SSM.

    Raises ClientError: ParameterAlreadyExists if the parameter exists and `overwrite` is false.
    """
    key: Any = {"KeyId": kms_key} if kms_key else {}
    description: Any = {} if overwrite else {"Description": DESCRIPTION}
    version = newest
    while True:
        value = base64.b64encode(secrets.token_bytes(SHORTEST_KEY)).decode() if version >= above else USED_NUMBER
        answer = ssm.put_parameter(
            Name=parameter, Value=value, Type="SecureString", Overwrite=overwrite, **description, **key
        )
        version, overwrite, description = answer["Version"], True, {}
        if value is not USED_NUMBER:
            return version
