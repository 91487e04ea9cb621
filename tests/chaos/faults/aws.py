"""Faults of SSM and SQS as the function calls them, and of the salt."""

from random import Random
from typing import Any

from tests.chaos.aws_front import Trouble
from tests.chaos.faults.registry import WAIT_SECONDS, fault
from tests.chaos.pipeline import Pipeline
from tests.chaos.salt import SALT


def _trouble(name: str, **how: Any) -> None:
    @fault(name)
    def strike(pipeline: Pipeline, random: Random) -> int:
        trouble = Trouble(**how)
        pipeline.front.trouble = trouble
        if trouble.action == "GetParameter" and random.random() < 0.5:
            pipeline.functions.kill()  # a cold start has no old salt to go on with
        try:
            pipeline.wait_until(lambda: trouble.met > 2, WAIT_SECONDS)
        finally:
            pipeline.front.trouble = None
        return trouble.met


_trouble("SSM throttles", action="GetParameter", status=400, code="ThrottlingException")
_trouble("SSM denies", action="GetParameter", status=400, code="AccessDeniedException")
_trouble("SSM fails", action="GetParameter", status=500, code="InternalServerError")
_trouble("SSM is slow", action="GetParameter", delay=4.0)
_trouble("SQS throttles the quarantine", action="SendMessageBatch", status=400, code="ThrottlingException")
_trouble("SQS denies the quarantine", action="SendMessageBatch", status=403, code="AccessDenied")
_trouble("SQS is slow to quarantine", action="SendMessageBatch", delay=4.0)
_trouble("quarantined, the answer lost", action="SendMessageBatch", lost=True)


@fault("salt gone")
def _salt_gone(pipeline: Pipeline, random: Random) -> int:
    pipeline.functions.mark_logs()
    pipeline.aws.ssm.delete_parameter(Name=SALT)
    try:
        if random.random() < 0.5:
            pipeline.functions.kill()
        pipeline.wait_until(lambda: pipeline.functions.count_in_logs("ParameterNotFound"), WAIT_SECONDS)
    finally:
        pipeline.salt.restore()
    return pipeline.functions.count_in_logs("ParameterNotFound")


@fault("salt broken")
def _salt_broken(pipeline: Pipeline, random: Random) -> int:
    pipeline.functions.mark_logs()
    pipeline.salt.put(random.choice(("not base64!", "dG9vIHNob3J0")))
    try:
        if random.random() < 0.5:
            pipeline.functions.kill()
        pipeline.wait_until(lambda: pipeline.functions.count_in_logs("is not the base64 of"), WAIT_SECONDS)
    finally:
        pipeline.salt.put()
    return pipeline.functions.count_in_logs("is not the base64 of")


@fault("salt rotated in the middle")
def _salt_rotated(pipeline: Pipeline, random: Random) -> int:
    del random
    pipeline.salt.put()
    newest = f"SELECT count(*) FROM user_logins WHERE salt_version = {max(pipeline.ledger.salts)}"
    pipeline.wait_until(lambda: pipeline.database.execute(newest) != [(0,)], WAIT_SECONDS)
    ((count,),) = pipeline.database.execute(newest)
    return int(count)
