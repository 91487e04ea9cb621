"""Mutants of the dead letters and of the queues that hold them."""

from tests.mutants.mutation import Mutation

LIST_TESTS = "tests/ops/test_dead_letters.py"
REDRIVE_TESTS = "tests/ops/test_redrive.py"

LETTERS = (
    Mutation(
        "a letter that SQS refused to copy is kept",
        "ops/redrive.py",
        "done = [letters for index, letters in enumerate(few) if index not in failures]",
        "done = list(few)",
        (f"{REDRIVE_TESTS}::test_redrive_keeps_what_sqs_refuses",),
    ),
    Mutation(
        "a message counts as sent only if SQS has confirmed it",
        "ops/queues.py",
        "if str(index) in confirmed:",
        "if str(index) not in codes:",
        ("tests/unit/test_queues.py",),
    ),
    Mutation(
        "a message counts as deleted only if SQS has confirmed it",
        "ops/queues.py",
        'deleted += len({entry["Id"] for entry in entries} & confirmed_ids(answer))',
        "deleted += len(chunk)",
        ("tests/unit/test_queues.py",),
    ),
    Mutation(
        "what was received is given back at once",
        "ops/queues.py",
        '"VisibilityTimeout": 0}',
        '"VisibilityTimeout": 60}',
        (f"{REDRIVE_TESTS}::test_redrive_error_leaves_letters_visible",),
    ),
    Mutation(
        "only the chosen user's letters are deleted",
        "ops/letters.py",
        "(self.user_id is None or letter.user_id == self.user_id)",
        "(self.user_id is None or letter.user_id is not None)",
        (f"{LIST_TESTS}::test_purge_chosen_only",),
    ),
    Mutation(
        "a copy keeps its event's id",
        "ops/letters.py",
        'own = {"event_id": self.event_key, "sent_timestamp": self.sent_timestamp}',
        'own = {"event_id": self.message_id, "sent_timestamp": self.sent_timestamp}',
        (f"{REDRIVE_TESTS}::test_redrive_makes_one_row",),
    ),
    Mutation(
        "letters that come again do not go on for ever",
        "ops/dead_letters.py",
        "known = 0 if new else known + len(letters)",
        "known = 0",
        ("tests/unit/test_dead_letters.py",),
    ),
)
