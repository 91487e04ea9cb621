"""The cloud stack, declared with the CDK."""

import os

# The CDK also runs on Node 20; without this, jsii prints a long warning about the old version each time.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
