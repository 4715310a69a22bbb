"""Words: from what people type to classes, colours and names that people gave.

============ =========================================================
module       what
============ =========================================================
`vocabulary` how a text is read: which words are known, what they mean
`lexicon`    the known words, each with its classes, from WordNet
`tokens`     texts as words in their normal form, singular and plural
============ =========================================================
"""
