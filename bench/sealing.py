"""What the vault costs: batches with sealed originals beside batches without."""

import base64
import os
from contextlib import closing
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.contenders import Contender, load_writer, quiet_output
from bench.events import Batches, Event
from bench.sampling import Sample, in_turns
from bench.servers import Servers
from bench.throughput import SIZES
from lambda_src.handler import get_resources

KEY_BITS = 4096
ROUNDS = {10: 100, 100: 60, 1_000: 24, 10_000: 10}
QUICK_ROUNDS = {10: 6, 100: 4, 1_000: 2, 10_000: 1}
WITHOUT, WITH = "without", "with"


def measure(servers: Servers, *, quick: bool) -> dict[str, Any]:
    """Seconds a batch without and with the vault, for each size; the number of sealed batches is checked."""
    public_key = generate_private_key(65_537, KEY_BITS).public_key()
    der = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    settings = {WITHOUT: "", WITH: base64.b64encode(der).decode()}
    rounds = QUICK_ROUNDS if quick else ROUNDS
    batches = Batches(seed=3)
    write = load_writer()
    result: dict[str, Any] = {}

    def prepare(name: str, size: int) -> Event:
        os.environ["VAULT_PUBLIC_KEY"] = settings[name]
        if get_resources.cache_info().currsize:
            get_resources().database.close()
        get_resources.cache_clear()
        write(batches.make(1))  # connects, and takes the salt
        return batches.make(size)

    with closing(servers.connect()) as connection, quiet_output():
        connection.autocommit = True
        for size in SIZES:
            ways = [Contender(name, partial(prepare, name, size), write, 1e9) for name in settings]
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE user_logins, vault.inbox")
                in_turns(rounds[size], [way.take_turn for way in ways])
                cursor.execute("SELECT count(*) FROM vault.inbox")
                ((sealed,),) = cursor.fetchall()
            if sealed != 2 * rounds[size]:
                raise RuntimeError(f"{sealed} sealed batches after {rounds[size]} rounds")
            result[str(size)] = {way.name: Sample.of(way.taken).as_dict() for way in ways}
    return result
