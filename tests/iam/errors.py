"""What the evaluator refuses, so that it never guesses."""


class UnsupportedPolicyError(Exception):
    """A policy or a template uses something that the evaluator does not know."""
