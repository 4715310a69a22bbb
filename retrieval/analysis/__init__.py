"""Segmenting and embedding query photos and texts, in this process or another one.

================ =========================================
module           what
================ =========================================
`analyzer`       the interface of an analyzer
`local`          analyses in this process, with the network loaded
`remote`         sends requests to the analyzer process
`server`         the analyzer process
`wire`           the format of their messages
`private_socket` a Unix socket that only this user can use
================ =========================================
"""
