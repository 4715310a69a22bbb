"""Processes of one installation: how they end, what they do in the background, what they print.

========== =======================================================
module     what
========== =======================================================
`lifetime` signals, and ending with the parent
`duties`   what workers do beside entering photos, and how it goes
`terminal` prints what others named so that it steers no terminal
========== =======================================================
"""
