"""Segmenting and embedding query photos and texts, in this process or another one.

================ =========================================
module           what
================ =========================================
`analyzer`       the interface of an analyzer
`local`          analyses in this process, with the network loaded
`kept`           features of the last photos, for the next prompt
`other_recipes`  analyses with another recipe than the loaded one
`resegmenting`   another recipe for a photo: looking at its segments first
`nearest`        the analyzer process or, where it is not up, this one
`remote`         sends requests to the analyzer process
`server`         the analyzer process
`answering`      what it answers to each kind of request
`doors`          where it listens, and whom it lets in
`received`       photos that clients sent to it
`wire`           the format of their messages
`private_socket` a Unix socket that only this user can use
================ =========================================
"""
