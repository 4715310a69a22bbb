"""The web process: the HTTP server, its limits, health, and the commands that start it."""
