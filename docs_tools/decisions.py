"""The index of the decision records."""

from pathlib import Path

from docs_tools.markdown import table

RECORDS = Path(__file__).resolve().parent.parent / "docs" / "decisions"
SUBJECTS = {
    "0": "The function and its tables",
    "1": "The cloud stack",
    "2": "Operating it",
    "3": "Speed and size",
    "4": "Tests and checks",
    "5": "Documentation",
}


def decisions() -> str:
    """A heading for each subject, and one row a record."""
    return "\n\n".join(
        f"## {subject}\n\n"
        + table(("record", "decision"), (_row(path) for path in sorted(RECORDS.glob(f"{digit}*.md"))))
        for digit, subject in SUBJECTS.items()
    )


def _row(path: Path) -> tuple[str, str]:
    """The record's number as a link, and its title; raises ValueError where the heading has another number."""
    number, _, title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").partition(": ")
    if number != path.name[:3] or not title:
        raise ValueError(f"{path.name} must begin with `# {path.name[:3]}: TITLE`.")
    return f"[{number}]({path.name})", title
