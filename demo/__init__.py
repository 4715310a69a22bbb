"""``demo``: composes a small collection, ingests, searches and serves it."""
