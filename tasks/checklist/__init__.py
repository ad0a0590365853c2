"""The rows of the guide's checklist, one file a row: each looks, changes nothing, and answers with checks."""
