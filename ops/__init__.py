"""The operator's command line, `loginpipe`, and the functions that work for it next to the database."""

__version__ = "0.2.0"
