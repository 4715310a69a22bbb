"""What is trained here: one command for each file under ``retrieval/data``."""
