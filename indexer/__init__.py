"""Writes the catalogue and the index: finds photos, ingests them, and publishes index files. Uses only `retrieval`."""
