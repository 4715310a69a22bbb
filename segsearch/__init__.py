"""The program ``segsearch``: puts the commands of the library and its applications together."""
