"""Files: originals in place, uploads and query photos in the data directory, and disk space.

=========== ========================================================================
module      what
=========== ========================================================================
`opening`   opens the bytes of a photo, wherever they are
`originals` opens a file without following links out of its folder
`locations` where a photo's bytes are, as a URI
`stores`    reads object stores and web servers, with bounded patience; `remote` has their kinds
`copies`    copies of photos from object stores, those used last
`own_files` uploads, query photos and renditions, which are kept while a row refers to them; by their `file_names`,
            with `file_locks`, in a `file_store`: a folder, or a bucket (`bucket_files`), over the files of before
            (`overlay_files`)
`disk`      quota and free space
=========== ========================================================================
"""
