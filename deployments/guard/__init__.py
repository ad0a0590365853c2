"""The watchman: brings traffic home when a release has died. A process of its own that never imports Prefect."""
