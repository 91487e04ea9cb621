"""How a function logs in to a database."""

import pytest

from infra.access import ROOT_CERTIFICATES, DatabaseAccess


@pytest.mark.parametrize(
    ("mode", "certificates"),
    [("verify-full", ROOT_CERTIFICATES), ("verify-ca", ROOT_CERTIFICATES), ("require", None), ("disable", None)],
)
def test_certificates_go_with_each_mode_that_verifies(mode: str, certificates: str | None) -> None:
    access = DatabaseAccess(host="db", port=5433, name="logins", user="ingest", ssl_mode=mode)
    assert access.environment.pop("PGSSLROOTCERT", None) == certificates
    assert (access.environment["PGSSLMODE"], access.environment["PGPORT"]) == (mode, "5433")
