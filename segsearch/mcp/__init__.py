"""A server of the Model Context Protocol: assistants search and look at photos, and change nothing.

========= ====================================================
module    what
========= ====================================================
`commands` the command ``mcp``
`tools`   what assistants can call
`answers` what they are told
`drawing` outlines on photos
`reading` refuses every request that would change something
========= ====================================================

References
----------
"Model Context Protocol", https://modelcontextprotocol.io/specification.
"""
