"""Starts MiniStack, the emulator of AWS. No other module starts it."""

import http.client
from collections.abc import Callable
from pathlib import Path

from local.postgres import free_port
from local.process import ServerProcess


def start_ministack(python: Path, directory: Path, services: str | None = None) -> tuple[ServerProcess, int]:
    """Starts MiniStack with `python`, log and files in `directory`; returns the process and its port on 127.0.0.1.

    `services` is a comma-separated list; None means all. Raises LocalStackError if it does not start.
    """
    port = free_port()
    scratch = directory / "ministack"
    scratch.mkdir(parents=True, exist_ok=True)
    environment = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # With all services, MiniStack also runs functions. Their output goes to its log at level INFO.
        **({"SERVICES": services, "LOG_LEVEL": "WARNING"} if services else {}),
        "SFTP_ENABLED": "0",  # these two would listen on fixed ports
        "IOT_MTLS_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent",  # at its start it removes containers of other MiniStacks
        "TMPDIR": str(scratch),
    }
    server = ServerProcess("ministack", [str(python), "-m", "ministack"], environment, directory)
    server.start(_answers(port), directory)
    return server, port


def _answers(port: int) -> Callable[[], bool]:
    def answers() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    return answers
