"""``make demo``: a collection made on the spot, entered, searched and served."""
