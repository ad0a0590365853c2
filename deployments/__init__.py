"""Place: where and when releases run; nothing imports this."""
