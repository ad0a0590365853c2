"""Run a local production of real parts."""
