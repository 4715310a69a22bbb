"""What is learnt from people: concepts from examples and tags, names for clusters.

================= ================================================================
module            what
================= ================================================================
`concepts`        makes and changes concepts
`tagging`         concepts from tags of photos and folders
`weak_labels`     which segment explains a tag of its photo
`discovery`       finds clusters of segments that nothing explains
`cluster_editing` names, dismisses, merges and splits clusters
`cluster_ranking` their order, and which members stand for them
`cluster_members` their members with vectors, some at a time
`clustering`      groups vectors
================= ================================================================
"""
