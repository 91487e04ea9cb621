"""The shell blocks of the Markdown files, in order, with the reason of those that are not run."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHELLS = ("sh", "bash", "shell", "console")
FENCE = re.compile(r"(?P<indent> *)(?P<mark>```+|~~~+) *(?P<language>[\w-]*)")
NOT_RUN = re.compile(r"<!-- not run: (.*) -->")
# Programs that begin a line of a shell block, and of nothing else.
TYPED = re.compile(r"\s*(\$ |loginpipe |make |docker |aws |sam |cdk |pip |uv |git |curl |export |source )")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it is, what it holds, and the comment right above it."""

    path: Path
    line: int
    language: str
    text: str
    comment: str

    @property
    def is_shell(self) -> bool:
        """Whether a person would type it."""
        return self.language in SHELLS

    @property
    def reason(self) -> str | None:
        """Why the walk does not run it; None where it does."""
        if self.comment.startswith("<!-- example: "):
            return "a test of its own runs it"
        found = NOT_RUN.fullmatch(self.comment)
        return found[1] if found else None

    @property
    def commands(self) -> str:
        """What a person types: without the prompts and the output of a console."""
        if self.language != "console":
            return self.text
        lines = self.text.splitlines()
        return "\n".join(line.removeprefix("$ ").removeprefix("> ") for line in lines if line.startswith(("$ ", "> ")))


def documents() -> list[Path]:
    """Every Markdown file of the tree."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    return [ROOT / name for name in sorted(listed.splitlines()) if (ROOT / name).exists()]


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a file, in order."""
    found: list[Block] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        opening = FENCE.match(lines[number])
        if opening is None:
            number += 1
            continue
        first = number + 1
        number = next(at for at in range(first, len(lines)) if lines[at].strip() == opening["mark"])
        indent = len(opening["indent"])
        text = "\n".join(line[indent:] for line in lines[first:number]) + "\n"
        comment = lines[first - 2].strip() if first > 1 else ""
        found.append(Block(path, first, opening["language"], text, comment))
        number += 1
    return found


def runnable(path: Path) -> list[Block]:
    """The blocks of a file that the walk runs."""
    return [block for block in blocks(path) if block.is_shell and block.reason is None]
