"""What can be asked: values without behaviour.

=========== ==================================================
module      what
=========== ==================================================
`request`   references, requests
`filters`   conditions that results have to meet, and facets
`relations` how things in one photo can lie to each other
=========== ==================================================
"""
