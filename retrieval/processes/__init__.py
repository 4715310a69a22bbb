"""Processes of one installation: how they start and end, what they do in the background, what they print.

========== ============================================================
module     what
========== ============================================================
`program`  the program's name, and child processes that run its commands
`lifetime` signals, and ending with the parent
`duties`   background tasks, and records of their outcomes
`extras`   libraries that an extra installs
`terminal` prints text from outside without control characters
`tables`   the same for tables
========== ============================================================
"""
