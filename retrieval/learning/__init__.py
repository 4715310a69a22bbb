"""Learning from users: concepts from examples and tags, and clusters to name.

================= =========================================================
"""
