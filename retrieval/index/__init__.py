"""The vector index, derived from the catalogue and thrown away at will.

=============== ==========================================================================================
module          what
=============== ==========================================================================================
`exact`         NumPy, every vector looked at: the reference the others are tested against
`faiss_index`   FAISS, exact, vectors held as float16
`inverted`      FAISS, inverted lists of short codes, built to a recall; gives candidates
`parts`         vectors that are searched together, whose they are, which were deleted
`merging`       which parts are written anew as one
`files`         manifest and parts on disk, written beside and renamed, one writer at a time
`live`          what a process searches: written parts, what the catalogue has beyond them, less what was deleted
=============== ==========================================================================================
"""
