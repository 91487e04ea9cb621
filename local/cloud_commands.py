"""The command line behind `make deploy-local`: `python -m local.cloud_commands deploy|destroy|cdk …`."""

import argparse
import sys
from collections.abc import Sequence

from local.cloud import DATABASE, LocalCloud
from local.errors import LocalStackError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.cloud_commands", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("deploy", help="start the servers, deploy, print the outputs; the servers go on")
    commands.add_parser("destroy", help="destroy the stack, end the servers and delete their data")
    cdk = commands.add_parser("cdk", help="any command of the CDK, such as `cdk diff`")
    cdk.add_argument("arguments", nargs=argparse.REMAINDER)
    given = parser.parse_args(arguments)
    cloud = LocalCloud()
    try:
        if given.command == "deploy":
            cloud.start()
            for key, value in cloud.deploy().items():
                print(f"{key:24} {value}")
            print("\nFor AWS clients:")
            for key, value in cloud.environment.items():
                print(f"export {key}={value}")
            print(f"aws sqs list-queues --endpoint-url {cloud.url}  # version 1 ignores the variable for SQS")
            print("\nFor psql:")
            for key, value in cloud.postgres.environment(DATABASE).items():
                print(f"export {key}={value}")
        elif given.command == "destroy":
            if not cloud.directory.exists():
                print("there is nothing to destroy")
                return 0
            cloud.start()
            cloud.cdk("destroy", "--force")
            cloud.stop()
        else:
            cloud.start()
            print(cloud.cdk(*given.arguments))
    except LocalStackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
