"""The cloud stack, declared with the CDK."""

import os

# The CDK runs on Node 20 as well; jsii would print a page about its age each time.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
