"""Wrong command lines and wrong settings, with what each must answer."""

from ops.errors import Exit

# Nothing listens there, and nothing is asked twice.
NOWHERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_MAX_ATTEMPTS": "1",
    "QUEUE_URL": "http://127.0.0.1:9/000000000000/q",
    "DLQ_URL": "http://127.0.0.1:9/000000000000/d",
    "SALT_PARAMETER": "/salt",
    "PGHOST": "127.0.0.1",
    "PGPORT": "9",
    "PGDATABASE": "logins",
    "PGUSER": "operator",
}
FOREIGN = ("AWS_", "PG", "QUEUE_", "DLQ_", "SALT_", "VAULT_", "FUNCTION_", "OPERATOR_", "CUSTODIAN_", "LOCALSTACK_")
PSEUDONYM = "a" * 64

# A command line, and part of what is said; Exit.USAGE where nothing else is given.
USAGE = """
docter                                        | Did you mean 'doctor'?
dlq lst                                       | Did you mean 'list'?
salt crate                                    | Did you mean 'create'
mask ipp 192.0.2.1                            | Did you mean 'ip'?
audit list                                    | No such command 'list'
--jsno status                                 | Did you mean --json?
--versoin                                     | --version?
-x                                            | No such option: -x
run --couny 5                                 | Did you mean --count?
up --valt                                     | Did you mean --vault?
send --uncheckd one.jsonl                     | Did you mean --unchecked?
env --shell fish                              | No such option: --shell
run one.jsonl two.jsonl                       | unexpected extra argument
up extra                                      | unexpected extra argument
status extra                                  | unexpected extra argument
down extra                                    | unexpected extra argument
env extra                                     | unexpected extra argument
doctor extra                                  | unexpected extra argument
report extra                                  | unexpected extra argument
send one.jsonl two.jsonl                      | unexpected extra argument
run --count                                   | requires an argument
report --html                                 | requires an argument
--stack                                       | --stack needs a value.
--stack '' doctor                             | --stack needs a value.
--stack= doctor                               | --stack needs a value.
--directory                                   | --directory needs a value.
--directory= status                           | --directory needs a value.
--directory one.jsonl status                  | one.jsonl is no folder
--directory one.jsonl/below run               | below is no folder
--directory /dev/null up                      | /dev/null is no folder
--stack a --local audit                       | Give either --stack or --local.
run --count 0                                 | greater than or equal to 1
run --count -5                                | greater than or equal to 1
run --count x                                 | a valid integer
run --count 1e3                               | a valid integer
run --count ''                                | a valid integer
run --seed x                                  | a valid integer
run --batch-size 0                            | greater than or equal to 1
run --batch-size 10001                        | less than or equal to 10000
up --visibility 1                             | greater than or equal to 6
up --visibility 43201                         | less than or equal to 43200
up --visibility x                             | a valid integer
dlq list --limit 0                            | greater than or equal to 1
dlq list --limit x                            | a valid integer
dlq redrive --rate 0                          | greater than or equal to 0.01
dlq redrive --rate fast                       | a valid number
dlq redrive --hold -1                         | greater than or equal to 1
dlq redrive --hold 99999                      | less than or equal to 43200
dlq purge --limit 0                           | greater than or equal to 1
worker --batch-size 0                         | greater than or equal to 1
worker --batch-size ten                       | a valid integer
worker --window 301                           | less than or equal to 300
worker --window -1                            | greater than or equal to 0
worker --poll 0                               | greater than or equal to 1
worker --poll 21                              | less than or equal to 20
salt create --above -1                        | greater than or equal to 0
salt link x 2 --reason why                    | a valid integer
salt link 2 2 --reason why                    | OLD must be a lower version than NEW
upkeep --ahead x                              | a valid integer
upkeep --ahead 61                             | less than or equal to 60
retention --months 0                          | greater than or equal to 1
retention --months x                          | a valid integer
report --days 0                               | greater than or equal to 1
report --days 3661                            | less than or equal to 3660
report --days soon                            | a valid integer
report --top 0                                | greater than or equal to 1
lookup --limit 0 --ip 192.0.2.1               | greater than or equal to 1
audit --limit 0                               | greater than or equal to 1
psql --of rnu                                 | Did you mean 'run'?
dlq list --reason invaild_ip                  | Did you mean 'invalid_ip'?
dlq list --reason ''                          | '' is not one of 'invalid_json'
audit --action recove                         | Did you mean 'recover'?
recover --reason why --basis consnt           | Did you mean 'consent'?
send                                          | Missing argument 'file'
salt link 1                                   | Missing argument 'NEW'
lookup --ip 192.0.2.1                         | Missing option '--reason'
mask ip 192.0.2.1                             | Missing option '--reason'
mask ip                                       | Missing argument 'VALUE'
archive --month 2026-01                       | Missing argument 'TARGET'
archive target                                | Missing option '--month'
retention                                     | Missing option '--months'
salt link 1 2                                 | Missing option '--reason'
forget --user-id anna                         | Missing option '--reason'
forget --reason why                           | Missing option '--user-id'
forget --user-id '' --reason why              | --user-id must not be empty.
forget --user-id anna --reason ' '            | --reason must say why.
archive --month 2026-01 target --reason ''    | --reason must say why.
retention --months 3 --reason ''              | --reason must say why.
salt rotate --reason ''                       | --reason must say why.
recover --ip x --basis consent --reason ''    | --reason must say why.
archive --month 2026-13 target                | --month must be a month such as 2026-01.
archive --month 26-01 target                  | --month must be a month such as 2026-01.
archive --month '' target                     | --month must be a month such as 2026-01.
archive --month 2026-01 ''                    | TARGET must be a folder, or s3://bucket/prefix.
archive --month 2026-01 s3://                 | TARGET must be a folder, or s3://bucket/prefix.
archive --month 2026-01 t --drop --restore    | Give either --drop or --restore.
archive --month 2999-01 t --drop              | Only a month that is over can be dropped.
recover --reason why --basis consent          | Give either --ip PSEUDONYM or --device-id PSEUDONYM.
recover --ip 12 --reason why --basis consent  | A pseudonym is 64 hexadecimal digits
lookup --reason why                           | Give either --ip VALUE or --device-id VALUE.
lookup --ip 1.2.3.4 --device-id x --reason y  | Give either --ip VALUE or --device-id VALUE.
audit verify --head x                         | --head must be N:HASH
audit verify --head ''                        | --head must be N:HASH
run none.jsonl                                | none.jsonl cannot be read: No such file or directory.
run .                                         | . cannot be read: Is a directory.
run empty.jsonl                               | empty.jsonl holds no events.
run cut.json                                  | cut.json begins as a JSON array, but is none
send none.jsonl                               | none.jsonl cannot be read: No such file or directory.
send cut.json                                 | cut.json begins as a JSON array, but is none
send /proc/self/mem                           | /proc/self/mem cannot be read: Input/output error.
send one.jsonl                                | The URL of the queue is not known: set QUEUE_URL
dlq list                                      | The URL of the dead-letter queue is not known: set DLQ_URL
worker                                        | The URL of the queue is not known: set QUEUE_URL
salt status                                   | The name of the salt's SSM parameter is not known
report                                        | PGHOST is missing: the host name of Postgres.
forget --user-id anna --reason why --yes      | PGHOST is missing: the host name of Postgres.
"""
# Without arguments, each of these shows its help; in JSON it says what is missing.
GROUPS = ("dlq", "salt", "mask")

# Where nothing is configured, and nothing is up.
ABSENT = [
    ("status", Exit.FAILED, "The stack is not up. Start it: loginpipe up"),
    ("--local audit", Exit.FAILED, "The local stack is not up. Start it: loginpipe up"),
    ("env", Exit.NOTHING, "No pipeline is known"),
    ("send empty.jsonl", Exit.NOTHING, "empty.jsonl holds no events."),
    ("--stack a doctor", Exit.FAILED, "The AWS region is not known: set AWS_REGION."),
]

# Wrong settings, on top of NOWHERE.
SETTINGS = [
    ("dlq list", {}, Exit.FAILED, "AWS cannot be reached"),
    ("dlq list", {"AWS_ENDPOINT_URL": "localhost:4566"}, Exit.USAGE, "correct AWS_ENDPOINT_URL"),
    ("dlq list", {"AWS_ENDPOINT_URL": "http://"}, Exit.USAGE, "correct AWS_ENDPOINT_URL"),
    ("dlq list", {"AWS_ENDPOINT_URL": "http://127.0.0.1:port"}, Exit.USAGE, "correct AWS_ENDPOINT_URL"),
    ("dlq list", {"AWS_ENDPOINT_URL": "http://127.0.0.1:99999"}, Exit.USAGE, "correct AWS_ENDPOINT_URL"),
    ("dlq list", {"AWS_ENDPOINT_URL": "htp://127.0.0.1"}, Exit.FAILED, "Not supported URL scheme htp"),
    ("dlq list", {"AWS_REGION": "no where", "AWS_ENDPOINT_URL": ""}, Exit.FAILED, "'no where'"),
    ("dlq list", {"AWS_PROFILE": "none"}, Exit.FAILED, "The config profile (none) could not be found"),
    ("send one.jsonl", {"QUEUE_URL": "nonsense"}, Exit.FAILED, "AWS cannot be reached"),
    ("worker --once", {}, Exit.FAILED, "AWS cannot be reached"),
    ("mask ip 999.1.1.1 --reason why", {}, Exit.USAGE, "This is not an IPv4 or IPv6 address."),
    ("lookup --ip 999.1.1.1 --reason why", {}, Exit.USAGE, "This is not an IPv4 or IPv6 address."),
    ("lookup --ip '' --reason why", {}, Exit.USAGE, "This is not an IPv4 or IPv6 address."),
    ("report", {}, Exit.FAILED, "No connection to Postgres"),
    ("report", {"PGHOST": "no such host"}, Exit.FAILED, "could not translate host name"),
    ("report", {"PGPORT": "abc"}, Exit.USAGE, "PGPORT must be a port number from 1 to 65535."),
    ("report", {"PGPORT": "70000"}, Exit.USAGE, "PGPORT must be a port number from 1 to 65535."),
    ("report", {"PGSSLMODE": "perhaps"}, Exit.USAGE, "PGSSLMODE must be one of disable"),
    ("report", {"PGSSLROOTCERT": "/none"}, Exit.USAGE, "PGSSLROOTCERT names no file that can be read."),
    ("report", {"DB_IAM_AUTH": "perhaps"}, Exit.USAGE, "DB_IAM_AUTH must be one of true, false."),
    ("audit", {}, Exit.FAILED, "No connection to Postgres"),
    ("archive --month 2026-01 t", {}, Exit.FAILED, "No connection to Postgres"),
    (f"recover --ip {PSEUDONYM} --reason w --basis consent", {}, Exit.USAGE, "set VAULT_KEY"),
]
