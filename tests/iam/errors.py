"""The error for policies that the evaluator does not understand. It never guesses."""


class UnsupportedPolicyError(Exception):
    """A policy or a template uses an element that the evaluator does not understand."""
