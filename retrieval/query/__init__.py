"""Requests, filters and relations: values without behaviour.

=========== ==================================================
module      what
=========== ==================================================
`request`   references, requests
`filters`   conditions that results must meet, and facets
`relations` spatial relations of things in one photo
=========== ==================================================
"""
