"""Pictures as they come in: decoded in processes that may die, with masks and colours.

=============== ==============================================================================
module          what
=============== ==============================================================================
`decode`        bytes or a file to RGB pixels, upright, within limits; previews and thumbnails
`costs`         what a file would cost to decode, from its header
`decoder_pool`  decodes in children with bounded memory and time
`decoder_child` what such a child runs
`fork_server`   starts the children, from a process without threads
`masks`         masks as run lengths
`colors`        names of colours, and how much of each a segment has
=============== ==============================================================================
"""
