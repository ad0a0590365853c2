"""Look at a live account and say what an environment's file would have to say; everything here reads."""
