"""From a request to an answer.

================= =======================================================================
module            what
================= =======================================================================
`engine`          the steps in order
`plan`            the request as a list of things, each with directions and colours
`resolver`        references and words to vectors
`picking`         the segment of a photo at a point or in a box
`click_ranking`   how likely each segment under a click is the one meant
`scope`           the segments that pass the filters
`things`          the segments that are the things of a photo
`thing_search`    a search for each of them
`whole_photos`    photos that are alike as a whole
`set_matching`    photos that share most things with a photo
`combined_search` several things in one photo
`combination`     how well segments of one photo match several things and their relations
`presence`        the probability that a photo shows a word
`matches`         results from hits
`distinct`        leaves out segments that overlap better ones
`answer`          the values of an answer
`faceting`        counts of results by condition
`feedback`        ranking by judgements
================= =======================================================================
"""
