"""What the table of substitutes cannot find in WordNet, or would find in another sense than people mean.

A sense is written ``lemma.number``, the number being WordNet's sense number of that noun.
"""

from __future__ import annotations

KNOWN_SENSES: dict[str, str] = {
    "person": "person.1",
    "tree": "tree.1",
    "sky": "sky.1",
    "grass": "grass.1",
    "road": "road.1",
    "sidewalk": "sidewalk.1",
    "snow": "snow.2",
    "water": "water.2",
    "soil": "soil.2",
    "light": "light.2",
    "paper": "paper.1",
    "floor": "floor.1",
    "face": "face.1",
    "house": "house.1",
    "building": "building.1",
    "window": "window.1",
    "helicopter": "helicopter.1",
    "meat": "meat.1",
    "vegetable": "vegetable.1",
}
"""Senses of known words that have no class of the classifier below them, or other classes than are meant."""

MEANT: dict[str, str] = {
    "balcony": "balcony.2",
    "christmas_tree": "christmas_tree.5",
    "drone": "drone.4",
    "egg": "egg.2",
    "moon": "moon.1",
    "palm": "palm.3",
    "ring": "ring.8",
    "slide": "slide.4",
    "watermelon": "watermelon.2",
}
"""Senses of nouns that are not known."""

GIVEN: dict[str, str] = {
    "brick": "wall",
    "chimney": "roof",
    "cloud": "sky",
    "crowd": "person",
    "moon": "sky",
    "onion": "vegetable",
    "painting": "",
    "rose": "flower",
    "stairs": "bannister",
    "subway": "train",
    "sun": "sky",
    "swimming pool": "water",
    "wave": "water",
}
"""Nouns with the known word that stands for them; "" if what is found does not look like it."""
