"""What is needed to work on this project, and not to use it."""
