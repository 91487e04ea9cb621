"""`python -m ops` is the command line."""

import sys

from ops.cli import main

sys.exit(main())
