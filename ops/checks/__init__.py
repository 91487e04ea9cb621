"""The checks of `doctor`, one module per part of the pipeline. Each takes a Target and yields findings."""
