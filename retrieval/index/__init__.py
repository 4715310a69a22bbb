"""The vector index, which is derived from the catalogue and can always be rebuilt.

=============== ==========================================================================================
module          what
=============== ==========================================================================================
`protocols`     the seams: an index that searches ask, and what a shard's vectors are searched by
`checks`        whether queries and entries are fit for an index
`exact`         NumPy, every vector looked at: the reference the others are tested against
`faiss_index`   FAISS, exact, vectors held as float16
`inverted`      FAISS, inverted lists of short codes, built to a recall; gives candidates
`shards`        vectors that are searched together, their photos, and which were deleted
`merging`       which shards are merged
`ranking`       scored hits, the best of each photo, what counts as likely
`replicas`      copies of large shards on a GPU
`files`         manifest and shards on disk, written beside and renamed, one writer at a time
`sources`       what an index is derived from: vectors of one recipe in the catalogue
`snapshot`      shards that are searched together, as they stand at one moment
`filtering`     searches that only some entries may answer
`published`     what was written: opened, and written anew by one process at a time
`local`         the index of this project: written shards, what came since, less what was deleted
`pgvector`      an index in a PostgreSQL server
`milvus`        an index in a Milvus server
`backends`      which index a setting names, plug-ins among them
`installed`     the two indexes of an installation
`following`     an index kept in step with the catalogue
=============== ==========================================================================================
"""
