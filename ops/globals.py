"""The options that all commands share, and that may stand anywhere on the line."""

from ops.errors import UsageError

FLAGS = ("--json", "--local")
WITH_VALUE = ("--stack", "--directory")


def move_globals_first(words: list[str]) -> list[str]:
    """The global options moved to the front, where the parser wants them; raises UsageError."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            rest += [word, *left]
        elif word in FLAGS or word.startswith(tuple(f"{name}=" for name in WITH_VALUE)):
            front.append(word)
        elif word in WITH_VALUE:
            value = next(left, None)
            if value is None:
                raise UsageError(f"{word} needs a value.")
            front += [word, value]
        else:
            rest.append(word)
    return front + rest
