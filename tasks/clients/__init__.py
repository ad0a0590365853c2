"""Reach other systems: one file a system, its errors in our words."""
