"""Many releases at once, and many behind us: what one Prefect server and one ledger carry."""
