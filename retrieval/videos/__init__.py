"""Videos as they come in: the frames that are worth keeping, found in a process that may die.

============= ================================================================================
module        what
============= ================================================================================
`formats`     which videos are read, and how a file shows that it is one
`limits`      which videos are refused, and how often a frame is taken
`content`     how much two frames differ, and which are taken: cuts, and what changed since
`decoding`    a file to the frames that are taken, upright, with their times
`pictures`    a frame as a JPEG
`times`       times in videos, for display
`reader`      does all that in a child with bounded memory and time
============= ================================================================================
"""
