"""The CDK app: reads the context, builds the bundle, declares the stack of the chosen stage, and runs the checks."""

import sys

from aws_cdk import App, Tags, Validations
from aws_cdk import aws_lambda as lambda_
from cdk_nag import AwsSolutionsChecks

from infra.bundle import BundleError, build
from infra.settings import ContextError, parse_context
from infra.stack import LoginPipelineStack


def declare(app: App) -> LoginPipelineStack:
    """Declare the stack that the app's context describes; raise ContextError or BundleError."""
    settings = parse_context(app.node.get_all_context({}))
    stack = LoginPipelineStack(
        app,
        settings=settings,
        code=lambda_.Code.from_asset(str(build(settings.arch, vault=bool(settings.vault_key_arn)))),
    )
    for key, value in {"project": "login-pipeline", "stage": settings.stage}.items():
        # The CDK tags the target groups of a proxy, but CloudFormation refuses those tags.
        Tags.of(stack).add(key, value, exclude_resource_types=["AWS::RDS::DBProxyTargetGroup"])
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stack


def main() -> None:
    """Synthesize into the directory that the CDK command line names."""
    app = App()
    try:
        declare(app)
    except (ContextError, BundleError) as error:
        sys.exit(f"error: {error}")
    try:
        app.synth()
    except RuntimeError as error:
        # The findings are printed already, and jsii's stack trace adds nothing.
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
