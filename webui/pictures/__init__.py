"""Picture files over HTTP: renditions, originals, uploads."""
