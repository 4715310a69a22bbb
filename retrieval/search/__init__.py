"""From a request to an answer.

================= =======================================================================
module            what
================= =======================================================================
`engine`          the steps in order
`understanding`   the request as a list of things, each some directions and colours
`lookup`          references and words to vectors
`picking`         which segment of a photo a point or a box means
`scope`           the segments that the filters leave
`combined_search` several things in one photo
`combination`     how well segments of one photo match several things and their relations
`matches`         results from hits
`answer`          what is answered
`faceting`        what results can be narrowed to
`feedback`        ranking by judgements
================= =======================================================================
"""
