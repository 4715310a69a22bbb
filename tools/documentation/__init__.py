"""The documentation site: pages that are made of the code, and pictures of the running program."""
