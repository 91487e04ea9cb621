"""The options that all commands share. They may stand anywhere on the line."""

from ops.errors import UsageError

FLAGS = ("--json", "--local")
WITH_VALUE = ("--stack", "--directory")


def move_globals_first(words: list[str]) -> list[str]:
    """Moves the global options to the front, where the parser expects them; raises UsageError."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            rest += [word, *left]
        elif word in FLAGS:
            front.append(word)
        elif (name := word.partition("=")[0]) in WITH_VALUE:
            value = word.removeprefix(f"{name}=") if "=" in word else next(left, "")
            if not value:
                raise UsageError(f"{name} needs a value.")
            front += [word] if "=" in word else [name, value]
        else:
            rest.append(word)
    return front + rest
