"""The word vocabulary: everyday words are read as the classes that a person means."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrieval.errors import WeightsMissingError
from retrieval.text import vocabulary
from retrieval.text.lexicon import DATA_FILE, class_labels, read_added_words, read_learned_words
from retrieval.text.reading import Reading
from retrieval.text.tokens import normal_form
from retrieval.text.vocabulary import Vocabulary

DOGS = set(range(151, 269))
CATS = {281, 282, 283, 284, 285}
BIRDS = {*range(7, 25), *range(80, 101), *range(127, 147)}

EVERYDAY = {
    "motorcycle": ["moped", "motor scooter"],
    "cat": ["tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"],
    "bus": ["school bus", "minibus", "trolleybus"],
    "elephant": ["Indian elephant", "African elephant", "tusker (elephant)"],
    "zebra": ["zebra"],
    "bear": ["brown bear", "American black bear", "polar bear", "sloth bear"],
    "laptop": ["laptop", "notebook computer"],
    "pizza": ["pizza"],
    "umbrella": ["umbrella"],
    "bicycle": ["mountain bike", "tandem bicycle"],
    "car": [
        *("convertible", "sports car", "station wagon", "minivan", "limousine"),
        *("jeep", "taxi", "race car", "Model T", "ambulance"),
    ],
    "truck": ["pickup", "trailer truck", "moving van", "garbage truck", "tow truck", "fire engine"],
    "train": ["bullet train", "electric locomotive", "steam locomotive", "freight car", "passenger car"],
    "airplane": ["airliner", "warplane"],
    "boat": [
        *("speedboat", "canoe", "gondola", "yawl", "lifeboat"),
        *("fireboat", "catamaran", "schooner", "trimaran"),
    ],
    "clock": ["analog clock", "digital clock", "wall clock"],
    "tv": ["television"],
    "keyboard": ["computer keyboard", "typewriter keyboard"],
    "mouse": ["computer mouse"],
    "banana": ["banana"],
    "orange": ["orange"],
    "sheep": ["ram (sheep)", "bighorn"],
    "cow": ["ox"],
    "horse": ["sorrel (horse)"],
    "toilet": ["toilet seat"],
    "refrigerator": ["refrigerator"],
    "vase": ["vase"],
    "teddy bear": ["teddy bear"],
    "tie": ["bolo tie", "bow tie", "Windsor tie"],
    "backpack": ["backpack"],
    "bench": ["park bench"],
    "traffic light": ["traffic light"],
    "parking meter": ["parking meter"],
    "cup": ["cup", "coffee mug"],
    "wine glass": ["goblet", "red wine"],
    "bottle": [
        *("wine bottle", "water bottle", "beer bottle", "pop bottle"),
        *("pill bottle", "water jug", "whiskey jug"),
    ],
    "couch": ["studio couch"],
    "chair": ["folding chair", "rocking chair", "barber chair", "throne"],
    "dining table": ["dining table"],
    "microwave": ["microwave"],
    "toaster": ["toaster"],
    "hot dog": ["hot dog"],
    "broccoli": ["broccoli"],
    "sports ball": [
        *("soccer ball", "basketball", "baseball", "tennis ball", "volleyball"),
        *("golf ball", "rugby ball", "ping-pong ball", "croquet ball"),
    ],
    "skis": ["ski"],
    "spoon": ["wooden spoon", "ladle"],
    "bowl": ["mixing bowl", "soup bowl"],
}
"""Checked by eye; dogs and birds are checked by their rows."""


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return Vocabulary.load()


def labels(words: Vocabulary, text: str) -> list[str]:
    """Return the labels of a text that is one known term and nothing else."""
    reading = words.read(text)
    assert reading.unknown == ()
    assert len(reading.understood) == 1, reading
    return list(reading.understood[0].labels)


def terms(words: Vocabulary, text: str) -> list[str]:
    """Return the parts of a text that are understood."""
    return [term.text for term in words.read(text).understood]


@pytest.mark.parametrize("word", EVERYDAY)
def test_everyday_words_stand_for_the_classes_a_person_means(words: Vocabulary, word: str) -> None:
    assert sorted(labels(words, word)) == sorted(EVERYDAY[word])


@pytest.mark.parametrize("word", ["cup", "laptop", "car", "bottle", "chair", "elephant", "wine glass", "truck"])
def test_the_most_typical_class_comes_first(words: Vocabulary, word: str) -> None:
    assert labels(words, word) == EVERYDAY[word]


@pytest.mark.parametrize(("word", "rows"), [("dog", DOGS), ("bird", BIRDS), ("cat", CATS)])
def test_kinds_of_animals_are_all_of_their_rows(words: Vocabulary, word: str, rows: set[int]) -> None:
    (term,) = words.read(word).understood
    assert set(term.rows) == rows
    assert len(term.rows) == len(rows)


def test_a_term_says_what_it_stands_for(words: Vocabulary) -> None:
    (term,) = words.read("Find all  Motorbikes!").understood
    assert (term.text, term.name, term.rows) == ("Motorbikes", "motorcycle", (665, 670))
    assert term.labels == ("moped", "motor scooter") == tuple(class_labels()[row] for row in term.rows)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *(("motorbike", "motorcycle"), ("bike", "bicycle"), ("plane", "airplane"), ("aeroplane", "airplane")),
        *(("lorry", "truck"), ("television", "tv"), ("sofa", "couch"), ("fridge", "refrigerator")),
        *(("automobile", "car"), ("coach", "bus"), ("kitten", "cat"), ("puppy", "dog"), ("calf", "cow")),
        *(("cell phone", "mobile phone"), ("smartphone", "cellphone"), ("hotdog", "hot dog")),
        *(("people", "person"), ("human", "person"), ("trousers", "jeans"), ("hairdryer", "hair dryer")),
    ],
)
def test_synonyms_mean_the_same(words: Vocabulary, typed: str, meant: str) -> None:
    assert labels(words, typed) == labels(words, meant)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *(("DOGS", "dog"), ("buses", "bus"), ("geese", "goose"), ("wolves", "wolf"), ("knives", "knife")),
        *(("foxes", "fox"), ("butterflies", "butterfly"), ("mice", "mouse"), ("oxen", "cow"), ("menus", "menu")),
        *(("teddy bears", "teddy bear"), ("wine glasses", "wine glass"), ("churches", "church")),
        *(("traffic_lights", "traffic light"), ("hot-dogs", "hot dog"), ("back pack", "backpack")),
        *(("teddybears", "teddy bear"), ("trafficlight", "traffic light"), ("t shirts", "T-shirt")),
        *(("a dog's", "dog"), ("jack o\u2019lantern", "jack-o'-lantern"), ("consomm\u00e9", "consomme")),
        *(("binocular", "binoculars"), ("tabby cat", "tabby"), ("keyboards", "keyboard")),
    ],
)
def test_spelling_and_number_do_not_matter(words: Vocabulary, typed: str, meant: str) -> None:
    assert labels(words, typed) == labels(words, meant)


@pytest.mark.parametrize(
    "text", ["dog", "find all dogs", "show me photos of a dog", "Images with one dog, please.", "the dog?", "1 dog"]
)
def test_filler_words_say_nothing(words: Vocabulary, text: str) -> None:
    reading = words.read(text)
    assert [term.name for term in reading.understood] == ["dog"]
    assert reading.unknown == reading.suggestions == ()


@pytest.mark.parametrize(
    ("word", "some"),
    [
        ("animal", {"tabby", "hen", "zebra", "goldfish", "bee"}),
        ("vehicle", {"jeep", "mountain bike", "airliner", "canoe", "bullet train"}),
        ("fruit", {"banana", "orange", "lemon", "Granny Smith"}),
        ("furniture", {"desk", "dining table", "rocking chair", "bookcase"}),
        ("musical instrument", {"violin", "drum", "acoustic guitar", "trumpet"}),
        ("clothing", {"suit", "jeans", "sock", "running shoe"}),
        ("food", {"pizza", "banana", "broccoli", "ice cream"}),
    ],
)
def test_kinds_of_things_hold_their_members(words: Vocabulary, word: str, some: set[str]) -> None:
    assert some <= set(labels(words, word))


@pytest.mark.parametrize(
    ("word", "strangers"),
    [
        ("fruit", {"acorn", "corn", "ear of corn"}),
        ("container", {"jeep", "airliner"}),
        ("vehicle", {"missile"}),
        ("food", {"menu", "hay"}),
        ("bread", {"meat loaf"}),
        ("truck", {"minivan"}),
        ("ball", {"punching bag", "bubble"}),
        ("computer", {"web site", "slide rule"}),
        ("cat", {"lion", "lynx"}),
        ("amphibian", {"amphibious vehicle"}),
        ("cardigan", {"Cardigan Welsh corgi"}),
        ("dress", {"wig", "mask"}),
        ("screen", {"shower curtain", "fire screen"}),
        ("monitor", {"Komodo dragon"}),
        ("plant", {"lumbermill"}),
        ("wheel", {"mountain bike"}),
        ("tank", {"rain barrel"}),
        ("toy", {"Chihuahua"}),
    ],
)
def test_obscure_senses_do_not_pollute(words: Vocabulary, word: str, strangers: set[str]) -> None:
    assert strangers.isdisjoint(labels(words, word))


def test_senses_are_united_where_none_dominates(words: Vocabulary) -> None:
    assert set(labels(words, "crane")) == {"crane (bird)", "crane (machine)"}
    assert set(labels(words, "panda")) == {"giant panda", "red panda"}
    assert labels(words, "crane (bird)") == ["crane (bird)"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("dog and umbrella", ["dog", "umbrella"]),
        ("teddy bear on a dining table", ["teddy bear", "dining table"]),
        ("a hen of the woods; red foxes", ["hen of the woods", "red foxes"]),
        ("dog, house", ["dog", "house"]),
        ("dogs and a dog", ["dogs"]),
        ("cat/dog", ["cat", "dog"]),
    ],
)
def test_several_terms_are_read_longest_first(words: Vocabulary, text: str, parts: list[str]) -> None:
    assert terms(words, text) == parts


def test_a_neighbour_that_specifies_swallows_the_general_term(words: Vocabulary) -> None:
    assert labels(words, "Border collie dogs") == ["Border collie"]
    assert terms(words, "labrador dog") == ["labrador dog"]
    assert terms(words, "dog, beagle") == ["dog", "beagle"]


def test_what_is_not_known_is_said(words: Vocabulary) -> None:
    reading = words.read("pictures with broken umbrellas")
    assert [term.labels for term in reading.understood] == [("umbrella",)]
    assert reading.unknown == ("broken",)


@pytest.mark.parametrize("word", ["qwzxplugh", "happiness", "broken"])
def test_things_without_a_class_are_unknown(words: Vocabulary, word: str) -> None:
    reading = words.read(word)
    assert reading.understood == ()
    assert reading.unknown == (word,)


@pytest.mark.parametrize(
    ("typed", "name", "known"),
    [
        ("giraffes", "giraffe", ()),
        ("camelopard", "giraffe", ()),
        ("women", "person", ("ballplayer", "bridegroom", "scuba diver")),
        ("a motorbike", "motorcycle", ("moped", "motor scooter")),
        ("baseball bats", "baseball bat", ()),
        ("racket", "tennis racket", ("racket",)),
    ],
)
def test_words_learned_from_objects_stand_beside_the_classes(
    words: Vocabulary, typed: str, name: str, known: tuple[str, ...]
) -> None:
    (term,) = words.read(typed).understood
    assert (term.name, set(term.labels)) == (name, set(known))
    assert term.learned == 1000 + [synonyms[0] for synonyms in read_learned_words()].index(name)


@pytest.mark.parametrize(
    ("typed", "name", "known"),
    [
        ("trees", "tree", ()),
        ("the sky", "sky", ()),
        ("streets", "road", ()),
        ("walls", "wall", ("stone wall",)),
        ("wheels", "car wheel", ("car wheel",)),
        ("human faces", "face", ()),
    ],
)
def test_words_of_stuff_and_parts_are_learned_too(
    words: Vocabulary, typed: str, name: str, known: tuple[str, ...]
) -> None:
    (term,) = words.read(typed).understood
    added = [synonyms[0] for synonyms in read_added_words()]
    assert (term.name, term.labels) == (name, known)
    assert term.learned == 1000 + len(read_learned_words()) + added.index(name)


def test_learned_words_are_each_learned_once() -> None:
    lists = [*read_learned_words(), *read_added_words()]
    every = [normal_form(word) for synonyms in lists for word in synonyms]
    assert len(every) == len(set(every))
    assert all(every)


def test_a_kind_is_not_what_was_learned_of_the_whole(words: Vocabulary) -> None:
    (poodle,) = words.read("toy poodle").understood
    assert poodle.learned is None
    assert words.complete("giraf") == ["giraffe"]


def test_a_person_is_who_the_classes_show(words: Vocabulary) -> None:
    assert set(labels(words, "person")) == {"ballplayer", "bridegroom", "scuba diver"}
    assert labels(words, "spaceship") == ["space shuttle"]


def test_nothing_but_fillers(words: Vocabulary) -> None:
    for text in ("", "   ", "find photos", "?!", "1"):
        assert words.read(text) == Reading(())
    assert labels(words, "a can") == ["milk can"]


def test_every_class_is_found_by_its_label(words: Vocabulary) -> None:
    for row, label in enumerate(class_labels()):
        found = words.read(label)
        assert [row in term.rows for term in found.understood] == [True], label
        assert found.unknown == ()


def test_every_known_word_is_understood(words: Vocabulary) -> None:
    lost = [word for word in words.words() if not words.read(word).understood]
    assert lost == []


def test_words_are_sorted_and_plain(words: Vocabulary) -> None:
    known = words.words()
    assert list(known) == sorted(known, key=str.casefold)
    assert len(set(known)) == len(known) > 2500
    assert {"motorcycle", "dog", "animal"} <= set(known)
    assert "Canis lupus" not in known
    assert labels(words, "Canis lupus") == ["timber wolf"]


def test_completion(words: Vocabulary) -> None:
    assert words.complete("motor")[:1] == ["motorcycle"]
    assert "motorcycle" in words.complete("Motorc")
    assert "traffic light" in words.complete("traffic l")
    assert "polar bear" in words.complete("bear", limit=50)
    assert words.complete("bear", limit=1) == ["bear"]
    assert words.complete("") == words.complete(" - ") == words.complete("dog", limit=0) == []
    assert len(words.complete("s")) == 10


def test_there_are_a_thousand_classes() -> None:
    assert len(class_labels()) == 1000
    assert class_labels()[999] == "toilet tissue"


def test_a_missing_file_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(vocabulary, "DATA_FILE", tmp_path / "none.json")
    with pytest.raises(WeightsMissingError, match="build_vocabulary"):
        Vocabulary.load()


def test_it_is_read_once() -> None:
    assert Vocabulary.load() is Vocabulary.load()


def test_the_file_is_small_and_carries_its_notice() -> None:
    text = DATA_FILE.read_text(encoding="utf-8")
    assert len(text) < 400_000
    assert max(map(len, text.splitlines())) < 1000
    notice = " ".join(json.loads(text)["license"])
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in notice
    assert "without fee or royalty is hereby granted" in notice


def test_the_classes_are_in_the_order_of_the_classifier() -> None:
    spec = find_spec("timm")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("timm is not installed")
    listed = Path(spec.submodule_search_locations[0], "data", "_info", "imagenet_synsets.txt").read_text().split()
    assert [synset for synset, _ in json.loads(DATA_FILE.read_text(encoding="utf-8"))["classes"]] == listed


@given(st.text())
@example("\u00bd \u0130stanbul \ufb01re '' o' -- _dog_ \x00")
def test_reading_never_fails(text: str) -> None:
    words = Vocabulary.load()
    reading = words.read(text)
    assert all(0 <= row <= 999 for term in reading.understood for row in term.rows)
    assert all(
        (term.rows or term.learned or term.substitutes) and term.text in text and len(term.rows) == len(term.labels)
        for term in reading.understood
    )
    assert all(word in text for word in reading.unknown)
    assert len(reading.suggestions) <= 5
    assert len(words.complete(text)) <= 10


@given(st.lists(st.sampled_from([*EVERYDAY, "red", "and", "photos of", "dogs", "bird", ",", "-"]), max_size=8))
def test_known_words_are_understood_in_any_company(parts: list[str]) -> None:
    words = Vocabulary.load()
    reading = words.read(" , ".join(parts))
    found = [set(term.rows) for term in reading.understood]
    wanted = [set(words.read(part).understood[0].rows) for part in parts if words.read(part).understood]
    assert all(rows in found for rows in wanted)
    assert reading.unknown == (("red",) if "red" in parts else ())
