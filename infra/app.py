"""The CDK app: reads the context, builds the bundle, declares the one stack of the chosen stage, and has it checked."""

import sys

from aws_cdk import App, Tags, Validations
from aws_cdk import aws_lambda as lambda_
from cdk_nag import AwsSolutionsChecks

from infra.bundle import BundleError, build
from infra.settings import ContextError, Settings
from infra.stack import LoginPipelineStack


def main() -> None:
    """Synthesize the stack into the directory that the CDK command line names."""
    app = App()
    try:
        settings = Settings.from_context(app.node.get_all_context({}))
        bundle = build(settings.arch)
    except (ContextError, BundleError) as error:
        sys.exit(f"error: {error}")
    stack = LoginPipelineStack(app, settings=settings, code=lambda_.Code.from_asset(str(bundle)))
    for key, value in {"project": "login-pipeline", "stage": settings.stage}.items():
        # The CDK believes that target groups of a proxy take tags; CloudFormation refuses them.
        Tags.of(stack).add(key, value, exclude_resource_types=["AWS::RDS::DBProxyTargetGroup"])
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as error:
        # jsii's stack trace tells nothing: the findings themselves have just been printed.
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
