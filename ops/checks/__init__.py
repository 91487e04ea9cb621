"""The checks of `doctor`, by what they look at: each takes a Target and yields its findings."""
