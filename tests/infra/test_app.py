"""The app: what the checks find is an error."""

import json
from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk import aws_sqs as sqs

from infra.app import declare
from tests.infra.conftest import ROOT


def test_finding_of_the_checks_ends_the_synthesis(tmp_path: Path) -> None:
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = App(context=context, outdir=str(tmp_path))
    sqs.Queue(declare(app), "InTheClear")  # takes messages without TLS, and has no dead-letter queue
    with pytest.raises(RuntimeError, match=r"[Vv]alidation"):
        app.synth()
