"""A release has the version of its tag, and the same files give the same bytes."""

import hashlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from infra.release import MIGRATIONS, RECORD, ReleaseError, check_migrations, check_tag, pack
from ops import __version__

ROOT = Path(__file__).resolve().parent.parent.parent


def test_tag_of_the_version_is_taken() -> None:
    check_tag("v1.2.3", "1.2.3", "# Changelog\n\n## [1.2.3] - 2026-12-01\n")


@pytest.mark.parametrize("tag", ["v1.2.4", "1.2.3", "v1.2.3-rc1", "v1.2.30", "v", ""])
def test_tag_of_another_version_is_refused(tag: str) -> None:
    with pytest.raises(ReleaseError, match=r"'v1\.2\.3'"):
        check_tag(tag, "1.2.3", "## [1.2.3]\n")


def test_version_without_a_section_in_the_changelog_is_refused() -> None:
    with pytest.raises(ReleaseError, match="CHANGELOG"):
        check_tag("v1.2.3", "1.2.3", "## [Unreleased]\n\n## [1.2.30]\n")


def test_command_refuses_a_tag_of_another_version() -> None:
    command = [sys.executable, "-m", "infra.release", f"v{__version__}0"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert finished.stderr.startswith("error: the tag is")


def test_version_of_the_release_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "ops.__version__"}


def test_label_of_the_image_is_the_version() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"org\.opencontainers\.image\.version=\"(.*?)\"", text) == [__version__]


def test_command_line_prints_the_version() -> None:
    command = [sys.executable, "-m", "ops", "--version"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout == f"loginpipe {__version__}\n"


def test_changelog_has_a_section_of_the_version() -> None:
    check_tag(f"v{__version__}", __version__, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """Two numbered migrations, and a view, which may change."""
    (tmp_path / "views").mkdir()
    for name in ("0001_a.sql", "0002_b.sql", "views/v.sql"):
        (tmp_path / name).write_text(name)
    return tmp_path


def record_of(migrations: Path, *names: str) -> str:
    """Returns the record of these migrations."""
    lines = [f"{hashlib.sha256((migrations / name).read_bytes()).hexdigest()}  {name}" for name in names]
    return "\n".join(["# a comment", *lines, ""])


def test_migrations_that_are_as_recorded_are_released(migrations: Path) -> None:
    check_migrations(record_of(migrations, "0001_a.sql", "0002_b.sql"), migrations)


def test_new_migration_is_recorded_first(migrations: Path) -> None:
    line = record_of(migrations, "0002_b.sql").splitlines()[1]
    with pytest.raises(ReleaseError, match=line):
        check_migrations(record_of(migrations, "0001_a.sql"), migrations)


@pytest.mark.parametrize("is_gone", [False, True])
def test_released_migration_that_has_changed_is_refused(migrations: Path, *, is_gone: bool) -> None:
    record = record_of(migrations, "0001_a.sql", "0002_b.sql")
    (migrations / "0001_a.sql").write_text("edited")
    if is_gone:
        (migrations / "0001_a.sql").unlink()
    with pytest.raises(ReleaseError, match=r"0001_a\.sql: released before"):
        check_migrations(record, migrations)


def test_released_migrations_of_this_project_are_unchanged() -> None:
    """The rule begins with the first release. Until then the record is empty."""
    lines = [line for line in RECORD.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert lines == record_of(MIGRATIONS, *(line.split("  ")[1] for line in lines)).splitlines()[1:]


def test_same_files_give_the_same_archive(tmp_path: Path) -> None:
    archives = []
    for number, time in enumerate((1_000_000_000, 1_700_000_000)):
        bundle = tmp_path / f"bundle-{number}"
        (bundle / "package").mkdir(parents=True)
        for name in ("package/b.py", "a.py")[:: 1 if number else -1]:
            (bundle / name).write_text(name)
            os.utime(bundle / name, (time, time))
        archive = tmp_path / f"{number}.zip"
        pack(bundle, archive)
        archives.append(archive)
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with zipfile.ZipFile(archives[0]) as packed:
        assert packed.namelist() == ["a.py", "package/b.py"]
        assert packed.read("package/b.py") == b"package/b.py"
