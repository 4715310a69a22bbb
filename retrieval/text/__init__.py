"""Words: from what people type to classes, colours and names that people gave.

============ ==================================================
module       what
============ ==================================================
`vocabulary` the phrases that are known, and how a text is read
============ ==================================================
"""
