"""Training: one command for each file under ``retrieval/data``."""
