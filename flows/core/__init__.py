"""Decide without looking: no Prefect, no IO, no clock in here."""
