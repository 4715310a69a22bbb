"""The program ``segsearch``: the composition root, above the library and its applications."""
