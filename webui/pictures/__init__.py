"""Image files over HTTP: renditions, originals, uploads."""
