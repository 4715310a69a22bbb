"""Words: from what people type to classes, colours and names that people gave.

============= =================================================================
module        what
============= =================================================================
`vocabulary`  how a text is read: which words are known, what they mean
`reading`     the result: what was understood, and what was not
`lexicon`     the known words, each with its classes, from WordNet
`substitutes` known words that stand for nouns that are not known
`suggestions` what may be meant by a word that is not known
`phrases`     negations, relations and numbers
`tokens`      texts as words in their normal form, singular and plural
============= =================================================================
"""
