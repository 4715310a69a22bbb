"""Pictures as they come in: decoded in processes that may die, with masks and colours.

================ ==============================================================================
module           what
================ ==============================================================================
`decode`         bytes or a file to RGB pixels, upright, within limits; previews and thumbnails
`formats`        which formats are read, and how a file shows its own
`limits`         which pictures are refused because of their size
`costs`          what a file would cost to decode, from its header
`working_copy`   the copy of which renditions and the array for analysis are made
`modes`          every mode as L, CMYK or RGB: transparency, more than eight bits
`scaling`        smaller copies
`srgb`           colours of an embedded profile as sRGB
`exif`           orientation and time
`failures`       why a picture could not be decoded: damaged, or truncated
`renditions`     previews and thumbnails as files
`decoder_pool`   decodes in children with bounded memory and time
`decoder_child`  what such a child runs
`fork_server`    starts the children, from a process without threads
`masks`          masks as run lengths
`colors`         names of colours, and how much of each a segment has
`local_features` SIFT of pictures, and which of two pictures correspond
================ ==============================================================================
"""
