"""Segmenting and embedding query photos and texts, in this process or in another.

================ =========================================
module           what
================ =========================================
`analyzer`       what an analyzer takes and gives
`local`          in this process, with the network loaded
`remote`         by the analyzer process
`server`         the analyzer process
`wire`           what the two send each other
`private_socket` a Unix socket that only this user can use
================ =========================================
"""
