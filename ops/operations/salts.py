"""The salt's versions in the database and in SSM."""

from lambda_src.masking import Salt
from ops.operations.site import Site

SELECT_HIGHEST_VERSION = """
    SELECT greatest(
        0,
        (SELECT max(salt_version) FROM public.user_logins),
        (SELECT max(new_version) FROM public.pseudonym_links),
        (SELECT max(version) FROM public.salt_versions)
    )
"""
SELECT_FINGERPRINTS = "SELECT version, fingerprint FROM public.salt_versions"
SELECT_ROWS_BY_VERSION = "SELECT salt_version, count(*) FROM public.user_logins GROUP BY salt_version"


def highest_salt_version(site: Site) -> int:
    """Returns the highest version in the database, or 0. No version up to it may get another key."""
    ((version,),) = site.database.rows(SELECT_HIGHEST_VERSION)
    return int(version)


def newest_salt_version(site: Site) -> int:
    """The newest usable version in SSM."""
    return site.salts.newest


def doubled_salt_versions(site: Site) -> list[int]:
    """The versions whose key in SSM is not the one that the database was written with, in order."""
    fingerprints = dict(site.database.rows(SELECT_FINGERPRINTS))
    return [
        version
        for version, key in sorted(site.salts.keys.items())
        if version in fingerprints and Salt(key, version).fingerprint != fingerprints[version]
    ]


def rows_by_version(site: Site) -> dict[str, int]:
    """How many logins each version of the salt has masked."""
    return {str(version): count for version, count in site.database.rows(SELECT_ROWS_BY_VERSION)}
