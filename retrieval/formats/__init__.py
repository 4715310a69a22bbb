"""Formats in which photos with segments leave and enter.

============= ==========================================================================================
module        what
============= ==========================================================================================
`selection`   which photos and segments: some, those that a search or a concept finds, or all
`dataset`     the photos of a selection with their annotations, one photo at a time
`coco`        COCO's JSON of instances
`yolo`        YOLO's polygons: a text file for each photo, and ``data.yaml``
`youtube_vis` things in videos
`voc`         PASCAL VOC: an XML file for each photo, and pictures of objects and classes
`table`       a CSV table
`cutouts`     cut-out segments, as PNG with alpha
`vectors`     segments with masks and vectors, as Parquet
`analyses`    reads such a file
`adopting`    takes its analyses over for photos of the catalogue
`exports`     one data set in any of the formats
`labelled`    what is read from files of annotations
`places`      photos by the paths and names that such files give them
`importing`   makes segments of annotated objects
`targets`     files, folders and ZIP files that appear under their names when they are complete
============= ==========================================================================================
"""
