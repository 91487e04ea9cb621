"""Names that all parts of the results share."""

OURS = "this function"
LIMIT = "raw COPY"
