"""Decide what happens next: thin flows over a pure core."""
