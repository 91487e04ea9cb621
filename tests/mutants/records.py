"""Lines of the function that hold the promises up: one record, from its text to its row."""

from tests.mutants.mutation import Mutation

RECORDS = (
    Mutation(
        "the field's name is part of what is hashed",
        "lambda_src/masking.py",
        'inner + name.encode() + b"\\0"',
        "inner",
        ("tests/unit/test_masking.py",),
    ),
    Mutation(
        "the salt is the key",
        "lambda_src/masking.py",
        "hashlib.sha256(key.translate(_OUTER)).copy",
        "hashlib.sha256().copy",
        ("tests/unit/test_masking.py",),
    ),
    Mutation(
        "a fingerprint is no pseudonym",
        "lambda_src/masking.py",
        'b"salt fingerprint"',
        'b"ip\\0"',
        ("tests/unit/test_masking.py", "tests/integration/test_salt_fingerprint.py"),
    ),
    Mutation(
        "a value cannot pass for two",
        "lambda_src/masking.py",
        '"\\t": r"\\t", ',
        "",
        ("tests/unit/test_copy_text.py", "tests/integration/test_texts.py"),
    ),
    Mutation(
        "a producer's event_id is the event's",
        "lambda_src/sqs.py",
        '_attribute(attributes, "event_id") if attributes',
        '_attribute(attributes, "event") if attributes',
        ("tests/unit/test_event_id.py", "tests/integration/test_write.py::test_redriven_message_is_the_same_event"),
    ),
    Mutation(
        "an id that is none is refused",
        "lambda_src/parsing.py",
        "if event_id == NIL_UUID or text.strip().lower() in PLACEHOLDERS:",
        "if event_id == NIL_UUID:",
        ("tests/unit/test_event_id.py",),
    ),
    Mutation(
        "a date far ahead is refused",
        "lambda_src/parsing.py",
        "LATEST_AHEAD = 2 * ",
        "LATEST_AHEAD = 20 * ",
        ("tests/unit/test_create_date.py",),
    ),
    Mutation(
        "a time in seconds is refused",
        "lambda_src/normal_forms.py",
        "EARLIEST_YEAR = 2000",
        "EARLIEST_YEAR = 1970",
        ("tests/unit/test_create_date.py",),
    ),
    Mutation(
        "two versions never share a code",
        "lambda_src/normal_forms.py",
        "LARGEST_PART = 999 ",
        "LARGEST_PART = 1999 ",
        ("tests/unit/test_app_version.py",),
    ),
    Mutation(
        "an address with a scope is refused",
        "lambda_src/normal_forms.py",
        "        if address.scope_id is not None:",
        "        if address.scope_id is None and False:",
        ("tests/unit/test_ip.py",),
    ),
    Mutation(
        "a mapped address is its IPv4 address",
        "lambda_src/normal_forms.py",
        "address = address.ipv4_mapped or address",
        "pass",
        ("tests/unit/test_ip.py",),
    ),
)
