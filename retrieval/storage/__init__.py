"""Files: originals in place, uploads and query photos in the data directory, and disk space.

=========== ========================================================================
module      what
=========== ========================================================================
`originals` opens a photo without following links out of its folder
`locations` where a photo's bytes are, as a URI
`own_files` uploads, query photos and renditions, which are kept while a row refers to them
`disk`      quota and free space
=========== ========================================================================
"""
