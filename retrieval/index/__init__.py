"""The vector index, derived from the catalogue and thrown away at will.

=============== ==========================================================================================
module          what
=============== ==========================================================================================
`exact`         NumPy, every vector looked at: the reference the others are tested against
`faiss_index`   FAISS, exact, vectors held as float16
`files`         manifest and parts on disk, written beside and renamed, one writer at a time
`live`          what a process searches: the files, what the catalogue has beyond them, less what was deleted
=============== ==========================================================================================
"""
