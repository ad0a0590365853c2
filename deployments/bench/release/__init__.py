"""Measure whole releases: ours beside the guide's own list of commands, on one twin."""
