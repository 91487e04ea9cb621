"""Runs the cloud stack on this machine: Postgres and MiniStack as servers, and the CDK to deploy to them."""

import contextlib
import json
import os
import platform
import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import psycopg2
from botocore.config import Config

from local.emulator import ARCHITECTURES
from local.errors import LocalStackError
from local.ministack import start_ministack
from local.postgres import PostgresServer
from local.process import ServerProcess, end_leftovers, read_pid_file

ROOT = Path(__file__).resolve().parent.parent
DIRECTORY = ROOT / ".local" / "cloud"
# MiniStack runs the functions in its own Python, which must be that of the bundle.
RUNTIME_PYTHON = ROOT / ".venv" / "runtime" / "bin" / "python"
CDK = ROOT / ".venv" / "node" / "node_modules" / ".bin" / "cdk"
ACCOUNT, REGION = "000000000000", "us-east-1"
DATABASE, OWNER_SECRET = "logins", "login-pipeline/database-owner"
STAGE = "local"
STACK = f"LoginPipeline-{STAGE}"
# Short times, so that a message is given up after less than three minutes.
BRISK = {"functionTimeout": "5", "batchWindow": "1", "outageMinutes": "1"}


class LocalCloud:
    """Postgres and MiniStack in one directory; reuses servers that an earlier run has left running there."""

    def __init__(self, directory: Path = DIRECTORY) -> None:
        """Take the directory for data, logs and the CDK's output."""
        self.directory = directory
        self.postgres = PostgresServer(directory / "postgres")
        self._port_path = directory / "ministack.port"
        self._ministack: ServerProcess | None = None
        self._clients: dict[str, Any] = {}

    @property
    def url(self) -> str:
        """URL of the emulator, with a host name, because the CDK misreads bucket URLs with an IP address."""
        return f"http://localhost:{self._port_path.read_text(encoding='utf-8')}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which an AWS client or the CDK uses the emulator."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    @property
    def context(self) -> dict[str, str]:
        """The CDK context of this deployment."""
        return {
            "stage": STAGE,
            "arch": ARCHITECTURES[platform.machine().lower()],
            "databaseHost": self.postgres.host,
            "databasePort": str(self.postgres.port),
            "databaseName": DATABASE,
            "databaseSecret": OWNER_SECRET,
            "databaseSslMode": "disable",
            "retainData": "false",
            **BRISK,
        }

    def start(self) -> None:
        """Start the servers that do not run, with an empty database and its owner's secret; raise LocalStackError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.postgres.start()
        self._create_database()
        if read_pid_file(self.directory / "ministack.pid") is None:
            self._start_ministack()
        secrets = self.client("secretsmanager")
        with contextlib.suppress(secrets.exceptions.ResourceExistsException):
            secret = json.dumps({"username": self.postgres.user, "password": self.postgres.password})
            secrets.create_secret(Name=OWNER_SECRET, SecretString=secret)

    def stop(self) -> None:
        """Stop both servers and delete their data."""
        self.close()
        if self._ministack is not None:
            self._ministack.stop()
        end_leftovers(self.directory)
        self.postgres.stop()
        shutil.rmtree(self.directory)

    def close(self) -> None:
        """Close the clients; the servers keep running."""
        while self._clients:
            self._clients.popitem()[1].close()

    def client(self, service: str) -> Any:  # noqa: ANN401 (a client of any service)
        """Return a boto3 client of the emulator."""
        if service not in self._clients:
            session: Any = boto3.Session("test", "test", region_name=REGION)
            # Calls to the emulator must not go through the machine's proxy.
            self._clients[service] = session.client(service, endpoint_url=self.url, config=Config(proxies={}))
        return self._clients[service]

    def cdk(self, *arguments: str, **changes: str) -> str:
        """Run the CDK's command line, with changes to the context; return its output, raise LocalStackError."""
        if not CDK.exists():
            raise LocalStackError("the CDK's command line is missing: run `make cloud-setup`")
        context = [f"--context={key}={value}" for key, value in {**self.context, **changes}.items()]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_", "PG"))}
        finished = subprocess.run(
            [str(CDK), *arguments, "--output", str(self.directory / "cdk.out"), *context],
            cwd=ROOT,
            env={**kept, **self.environment, "CI": "true"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if finished.returncode != 0:
            raise LocalStackError(f"cdk {arguments[0]} failed:\n{finished.stdout}")
        return finished.stdout

    def deploy(self, **changes: str) -> dict[str, str]:
        """Bootstrap and deploy; return the stack's outputs."""
        self.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        self.cdk("deploy", "--require-approval", "never", "--progress", "events", **changes)
        return self.outputs()

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the deployed stack."""
        (stack,) = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def _create_database(self) -> None:
        with closing(self._connect("postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE DATABASE {DATABASE}")

    def _connect(self, database: str) -> Any:  # noqa: ANN401
        values = self.postgres.environment(database)
        return psycopg2.connect(
            host=values["PGHOST"],
            port=values["PGPORT"],
            dbname=database,
            user=values["PGUSER"],
            password=values["PGPASSWORD"],
        )

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query on the database, as its owner."""
        with closing(self._connect(DATABASE)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def _start_ministack(self) -> None:
        if not RUNTIME_PYTHON.exists():
            raise LocalStackError(
                "a MiniStack under Python 3.13 is missing: run `make cloud-setup`, with PYTHON313=path if no "
                "python3.13 is on the PATH"
            )
        self._ministack, port = start_ministack(RUNTIME_PYTHON, self.directory)
        self._port_path.write_text(str(port), encoding="utf-8")
