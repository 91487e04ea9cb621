"""The names of settings: snake_case in Python, camelCase in the CDK context."""


def camel(name: str) -> str:
    """Return the context key of a field."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
