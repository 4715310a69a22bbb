"""Files: originals where they lie, uploads and query photos in HOME, and the room that the disk has.

=========== ========================================================================
module      what
=========== ========================================================================
`originals` opens a photo without following links out of its folder
`locations` where a photo's bytes are, as a URI
`own_files` uploads, query photos and renditions, each as long as a row refers to it
`disk`      quota and free space
=========== ========================================================================
"""
