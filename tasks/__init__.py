"""Act: one file a section of the guide, one task a stage."""
