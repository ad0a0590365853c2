"""Measure what the release decides with: the canary judge against rivals on simulated traffic."""
