"""Hold the commands of `greenflow`, one module a command; heavy imports wait until a command runs."""
