"""Everything a team needs on one machine, each part kept running: ``greenflow serve``."""
