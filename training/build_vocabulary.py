"""Build the word vocabulary: ImageNet's thousand classes in WordNet's noun hierarchy, as one small JSON file.

::

    python -m training.build_vocabulary --wordnet DIR --out retrieval/data/imagenet_wordnet.json

``DIR`` holds WordNet 3.0's database files (``data.noun``, ``index.noun``, ``noun.exc``, ``cntlist.rev``; Debian's
``wordnet-base`` puts them into ``/usr/share/wordnet``). The order of the classes is read from the installed timm.
The same inputs give the same bytes. :mod:`retrieval.text.vocabulary` reads the file.

The file is one object, written with one entry a line:

``source``, ``license``
    Where the data comes from, and the notice that WordNet asks every copy to carry.
``classes``
    ``[synset, display name]`` of every row of the classifier, in row order; the lemmas are in ``synsets``.
``synsets``
    ``synset: [lemmas, parents]`` or ``[lemmas, parents, scientific names]`` of every noun synset with a class at or
    below it. A lemma is ``[text, sense number, uses of that sense, uses of all its noun senses]`` as tagged in
    WordNet's corpora; parents are hypernyms and instance hypernyms.
``vague``
    Synsets under which no one would look for pictures.
``plurals``
    Irregular plurals of the words kept.
``meanings``
    ``[[words], [rows]]``: the supplement below, which overrules WordNet. No rows: the words are known to have no
    class, whatever WordNet says.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import click

SOURCE = (
    "WordNet 3.0 (https://wordnet.princeton.edu), reduced to the nouns above the classes of ImageNet-1k and changed"
    " as documented in training/build_vocabulary.py; class order: timm, imagenet_synsets.txt"
)
CLASSES_FILE = Path("data", "_info", "imagenet_synsets.txt")

# A sense is written "lemma.number", the number being WordNet's sense number of that noun.

REPARENTED: tuple[tuple[str, str, str], ...] = (
    ("wheeled_vehicle.1", "vehicle.1", "WordNet also calls it a container, which would make every car one"),
    ("cup.6", "cup.1", "the class is named after a punch, but its photographs are of cups"),
    ("sunglass.1", "spectacles.1", "the class is named after a burning lens, but its photographs are of sunglasses"),
    ("maillot.2", "swimsuit.1", "the class is named after tights, but its photographs are of swimsuits"),
    ("tusker.1", "elephant.1", "any mammal with tusks by name, elephants in its photographs"),
    ("web_site.1", "", "a computer in WordNet, a page on a screen in its photographs"),
    ("slide_rule.1", "measuring_stick.1", "an analog computer in WordNet"),
    ("missile.1", "weapon.1", "a vehicle in WordNet, being a rocket"),
    ("menu.2", "publication.1", "a choice of food in WordNet, the printed card in its photographs"),
    ("safety_belt.1", "restraint.6", "an accessory of clothing in WordNet"),
    ("meat_loaf.1", "dish.2", "no bread, though baked as a loaf"),
)
"""``(sense, new parent, reason)``: where WordNet's place of a synset would mislead; "" for no parent at all."""

VAGUE: tuple[str, ...] = (
    # the upper ontology: too abstract to be seen
    *("abstraction.6", "attribute.2", "relation.1", "communication.2", "causal_agent.1", "matter.3", "substance.1"),
    *("substance.7", "part.1", "part.2", "piece.1", "article.2", "location.1", "point.2", "geographic_point.1"),
    *("shape.2", "round_shape.1", "solid.1", "fluid.1", "liquid.1", "material.1", "agent.3", "system.1"),
    *("natural_object.1", "reproductive_structure.1", "plant_part.1", "plant_organ.1", "concoction.1"),
    # roles of artefacts, of which the classes below are accidental members
    *("accessory.1", "area.5", "attachment.4", "connection.3", "creation.2", "product.2", "work.2", "work.6"),
    *("workplace.1", "design.4", "institution.2", "apparatus.1", "horizontal_surface.1", "surface.1", "support.7"),
    *("support.10", "strengthener.1", "framework.3", "medium.1", "press.2", "print_media.1", "ligament.2"),
    *("mechanism.3", "barrier.3", "bar.3", "bar.8", "disk.2", "plate.2", "sheet.6", "lever.1", "excavation.3"),
    *("building_complex.1", "plant.1", "pool.1", "cistern.3", "paper.1", "staff.2", "jacket.2", "runner.9"),
    *(
        "lens.1",
        "converging_lens.1",
        "optical_device.1",
        "reproducer.1",
        "course.7",
        "dress.2",
        "disguise.2",
        "screen.4",
    ),
    # what a person or a food happens to be
    *("peer.1", "associate.1", "participant.1", "contestant.1", "explorer.1"),
    *("drug.1", "drug_of_abuse.1", "medicine.2", "cream.3"),
)
"""Senses that are kept in the hierarchy but that no word is read as."""

MEANINGS: tuple[tuple[str, str, str], ...] = (
    # vehicles
    (
        "car, auto, automobile, motorcar",
        "convertible.1 sports_car.1 beach_wagon.1 minivan.1 limousine.1 jeep.1 cab.3 racer.2 model_t.1 ambulance.1",
        "the classes of car.1, common ones first",
    ),
    ("motorcycle, motorbike, motor bike, motor cycle", "moped.1 motor_scooter.1", "no class is nearer to one"),
    (
        "bicycle, bike, cycle, pushbike, push bike",
        "mountain_bike.1 bicycle-built-for-two.1",
        "a bike is a bicycle first, and never a wheel",
    ),
    (
        "bus, autobus, coach, omnibus, motorbus, double decker",
        "school_bus.1 minibus.1 trolleybus.1",
        "common ones first; a coach is a bus before it is a railway car",
    ),
    (
        "truck, lorry, motortruck",
        "pickup.1 trailer_truck.1 moving_van.1 garbage_truck.1 tow_truck.1 fire_engine.1",
        "truck.1 without passenger vans; lorry is a truck to whoever says it",
    ),
    ("van", "moving_van.1 minivan.1 police_van.1", "moving vans are the plainest vans"),
    (
        "train, railroad train, railway train, subway train",
        "bullet_train.1 locomotive.1 car.2",
        "a train is seen by its locomotive and its cars, which WordNet takes for parts",
    ),
    ("airplane, aeroplane, plane, jet, jet plane, jetliner", "airliner.1 warplane.1", "not the carpenter's plane"),
    ("suv, off-road vehicle", "jeep.1", "the only class of them"),
    ("fighter jet, jet fighter, fighter plane, military aircraft", "warplane.1", "plain words for it"),
    ("boat", "speedboat.1 canoe.1 gondola.2 yawl.1 lifeboat.1 fireboat.1 sailing_vessel.1", "sailing boats are boats"),
    ("sailboat, sailing boat, yacht", "yawl.1 schooner.2 catamaran.1 trimaran.1", "all classes that sail"),
    ("camper, camper van, motorhome, motor home, caravan", "recreational_vehicle.1 mobile_home.1", "plain words"),
    ("vehicle", "vehicle.1 train.1", "WordNet puts trains beside vehicles, not below"),
    ("spaceship, space ship", "space_shuttle.1", "the only spacecraft"),
    ("rocket", "missile.1 space_shuttle.1", "both are seen as rockets"),
    ("wheel", "car_wheel.1 paddlewheel.1 pinwheel.2 potter's_wheel.1", "not the bicycle"),
    ("tire, tyre", "car_wheel.1", "the class shows the wheel with its tyre"),
    # animals and people
    (
        "cat, house cat, domestic cat, kitty, kitten, pussycat",
        "domestic_cat.1",
        "cat.1 has cougar and lynx, cat.7 lions; no one calls them just cats",
    ),
    ("puppy, pup, doggy, doggie", "dog.1", "young dogs are in the breeds' photographs"),
    ("cow, bull, calf, moo-cow", "ox.1", "the only class of domestic cattle"),
    ("pony, stallion, mare, foal, colt", "sorrel.5", "the only class of horses"),
    ("sheep, lamb, ewe", "ram.5 bighorn.2", "WordNet keeps wild sheep apart"),
    ("chicken", "hen.2 cock.5", "WordNet's hen and cock are of any bird, the photographs of chickens"),
    ("rooster, cockerel", "cock.5", "plain words for it"),
    ("rabbit, bunny, bunny rabbit", "wood_rabbit.1 angora.3 hare.1", "a hare looks like one"),
    ("seal", "sea_lion.1", "the ninth sense of the word, but the one that is photographed"),
    ("ray", "ray.7", "the fish: the other senses are no things"),
    ("buffalo", "water_buffalo.1 bison.1", "Americans mean the bison"),
    ("elephant", "indian_elephant.1 african_elephant.1 tusker.1", "common names first"),
    ("tortoise", "turtle.2", "WordNet has tortoises without classes"),
    ("bug", "insect.1", "any insect, in plain words"),
    ("amphibian", "amphibian.3", "the animals, not the vehicle of that name"),
    ("shellfish", "crustacean.1 conch.1", "lobsters and crabs before snails and slugs"),
    ("pet", "dog.1 domestic_cat.1 hamster.1 guinea_pig.2 goldfish.1", "WordNet has no such kind"),
    ("livestock, farm animal", "ox.1 hog.3 ram.5 sorrel.5 hen.2 cock.5 goose.1", "WordNet has no such kind"),
    ("labrador", "labrador_retriever.1", "short for the breed, and a peninsula in WordNet"),
    ("pit bull, pitbull", "american_staffordshire_terrier.1", "short for one of its lemmas"),
    ("yorkie", "yorkshire_terrier.1", "its pet name"),
    ("person, human, human being", "person.1", "synonyms that WordNet puts elsewhere"),
    # furniture and household
    ("couch, sofa, settee, lounge, loveseat", "studio_couch.1", "the only class of couches"),
    ("chair", "folding_chair.1 rocking_chair.1 barber_chair.1 throne.1", "common ones first"),
    (
        "table, coffee table, side table",
        "dining_table.1 desk.1 pool_table.1",
        "WordNet splits tables into furniture and laid tables",
    ),
    ("dining table, dinner table, kitchen table", "dining_table.1", "plain words for it"),
    ("cupboard", "cabinet.1 wardrobe.1", "cabinets with doors"),
    ("drawer, chest of drawers, dresser, bureau", "chiffonier.1", "what has drawers"),
    ("bookshelf, shelf", "bookcase.1", "the only shelves"),
    ("lamp", "table_lamp.1 lampshade.1 spotlight.2", "the furniture first, and no candles"),
    ("light", "table_lamp.1 lampshade.1 spotlight.2 torch.1 candle.1", "what shines; not the cigarette lighter"),
    ("blanket, duvet", "quilt.1", "the only bed cover"),
    ("tv, television, telly, television set, tv set", "television.2", "the set, not the broadcast"),
    ("refrigerator, fridge, freezer, icebox", "refrigerator.1", "plain words for it"),
    ("toilet, loo, toilet bowl, lavatory, wc", "toilet_seat.1", "the class shows the toilet with its seat"),
    ("sink, basin, kitchen sink", "washbasin.2", "the class is the nearest to any sink"),
    ("oven, cooker", "stove.2 rotisserie.1", "a Dutch oven is a pot and a Crock Pot no cooker"),
    ("kettle, tea kettle", "teapot.1", "the nearest class"),
    ("pot", "pot.4 pot.1 dutch_oven.1 crock_pot.1", "flowerpots and cooking pots"),
    ("potted plant, pot plant, houseplant, planter, plant pot", "pot.4", "the class shows the pot with its plant"),
    ("bathtub, tub, bath", "bathtub.1 tub.2", "ImageNet has two classes of nearly the same thing"),
    ("bin, rubbish bin, garbage bin, trash, waste basket", "ashcan.1", "plain words for it"),
    ("tissue, toilet roll, loo roll", "toilet_tissue.1", "plain words for it"),
    ("light switch", "switch.1", "not a light"),
    ("cutlery, silverware, flatware", "wooden_spoon.2 ladle.1 knife.1", "spoons and knives, not axes"),
    ("spoon, tablespoon, teaspoon", "wooden_spoon.2 ladle.1", "a ladle is a large spoon"),
    ("cup, drinking cup, teacup, coffee cup", "cup.6 coffee_mug.1", "WordNet keeps mugs apart"),
    ("wine glass", "goblet.1 red_wine.1", "the glass, and the wine that is photographed in it"),
    (
        "bottle",
        "wine_bottle.1 water_bottle.1 beer_bottle.1 pop_bottle.1 pill_bottle.1 water_jug.1 whiskey_jug.1",
        "common ones first",
    ),
    ("umbrella, parasol, brolly", "umbrella.1", "plain words for it"),
    ("book", "book_jacket.1 comic_book.1", "books are photographed from outside; WordNet calls them publications"),
    # devices
    ("phone, telephone", "cellular_telephone.1 dial_telephone.1 pay-phone.1", "common ones first"),
    ("cell phone, mobile phone, mobile, smartphone, iphone", "cellular_telephone.1", "plain words for it"),
    (
        "computer, pc",
        "laptop.1 notebook.2 desktop_computer.1 hand-held_computer.1",
        "the classes of computer.1, common ones first",
    ),
    (
        "laptop, laptop computer, notebook computer, notebook, netbook",
        "laptop.1 notebook.2",
        "ImageNet has two classes of the same thing",
    ),
    (
        "monitor, screen, display, computer monitor, computer screen",
        "monitor.5 screen.3",
        "ImageNet has two classes of the same thing; not lizards, curtains or fire screens",
    ),
    ("hard drive, hard disk drive, disk, disc", "hard_disc.1", "plain words for it"),
    ("watch, wristwatch", "digital_watch.1", "a stopwatch is no watch"),
    (
        "electronics, electronic device, gadget",
        "computer.1 telephone.1 television.2 electronic_equipment.1 electronic_device.1 camera.1 projector.2 radio.3",
        "WordNet scatters them",
    ),
    ("bell", "chime.1", "a lemma of the class, in a rare sense of the word"),
    ("horn", "cornet.1 french_horn.1", "instruments: rare senses of the word, both lemmas of a class"),
    ("instrument, musical instrument", "musical_instrument.1", "an instrument is rarely a clock or a cannon"),
    # clothing and what is carried
    ("clothing, clothes, apparel", "clothing.1 footwear.2", "WordNet keeps jeans alone under clothes, and shoes apart"),
    ("sunglasses, sunglass, shades, dark glasses", "sunglasses.1 sunglass.1", "two classes of the same thing"),
    ("glasses, eyeglasses, spectacles", "sunglasses.1 sunglass.1", "the only classes worn on the nose"),
    ("cardigan", "cardigan.1", "the knitwear, not the corgi"),
    ("jacket", "coat.1", "coats are the nearest classes"),
    ("shoe", "running_shoe.1 loafer.2 sandal.1 clog.1", "WordNet keeps clogs apart"),
    ("sneaker, trainer, gym shoe, tennis shoe", "running_shoe.1", "plain words for it"),
    ("t-shirt, tee", "jersey.3", "a lemma of the class"),
    ("hoodie", "sweatshirt.1", "a sweatshirt with a hood"),
    ("glove", "mitten.1", "the only class worn on the hand"),
    ("mask", "mask.1 mask.4 oxygen_mask.1", "disguises and protective masks"),
    ("handbag", "purse.3", "plain word for it"),
    ("swimsuit, bathing suit, swimwear", "maillot.1 maillot.2 bikini.2 swimming_trunks.1", "one-piece ones first"),
    # sports and play
    (
        "ball, sports ball",
        "soccer_ball.1 basketball.2 baseball.2 tennis_ball.1 volleyball.2 golf_ball.1 rugby_ball.1 ping-pong_ball.1"
        " croquet_ball.1",
        "ball.1 without the punching bag, common ones first",
    ),
    (
        "sports equipment, sports gear",
        "ball.1 racket.4 ski.1 dumbbell.1 barbell.1 puck.2 gymnastic_apparatus.1",
        "WordNet has most balls for game equipment only, and golf carts among it",
    ),
    ("football", "soccer_ball.1 rugby_ball.1", "a soccer ball to most, an oval one to Americans"),
    ("soccer, soccer ball", "soccer_ball.1", "plain words for it"),
    ("tennis racket, tennis racquet, badminton racket", "racket.4", "the class has them all"),
    # food
    ("hot dog, hotdog, frankfurter", "hotdog.2", "the sandwich, not a hot dog"),
    (
        "food",
        "dish.2 bread.1 dessert.1 sauce.1 dip.4 dough.1 plate.8 edible_fruit.1 vegetable.1",
        "what is eaten by people, fruit and vegetables too, and not what is drunk",
    ),
    ("fruit", "edible_fruit.1", "the botanist's fruits include acorns and ears of corn"),
    ("corn, maize, sweetcorn", "corn.2 ear.5", "ImageNet has two classes of the same thing"),
    ("pasta, spaghetti", "carbonara.1", "the class is named after the sauce and shows the pasta"),
    ("beer", "beer_glass.1 beer_bottle.1", "beer is photographed in glasses and bottles"),
    ("mushroom", "mushroom.5 agaric.2 bolete.1 hen-of-the-woods.1 fungus.1", "the eaten and the growing ones"),
    ("capsicum", "bell_pepper.2", "plain word for it"),
    # places and nature
    ("house, home", "housing.1", "house.1 would be palaces and monasteries"),
    ("shop, store", "shop.1 grocery_store.1", "WordNet keeps the grocery under marketplaces"),
    ("supermarket", "grocery_store.1", "plain word for it"),
    ("gas station, petrol station, filling station", "gas_pump.1", "seen by its pumps"),
    ("sign, road sign, stop sign, signpost", "street_sign.1", "the signs that stand in streets"),
    ("jail, gaol", "prison.1", "plain words for it"),
    ("tower", "beacon.3 water_tower.1", "WordNet takes the water tower for a reservoir"),
    ("wall", "stone_wall.1", "a fence in WordNet"),
    ("plant", "plant.2 pot.4", "what grows; the factory is a mill"),
    ("factory, mill", "lumbermill.1", "the only class of factories"),
    ("beach, seaside", "seashore.1 sandbar.1", "WordNet has beaches without classes"),
    ("sea, ocean", "seashore.1 coral_reef.1", "seen at its shore"),
    ("lake", "lakeside.1", "seen at its shore"),
    ("cobweb", "spider_web.1", "plain word for it"),
    # words whose only sense with a class is far from what a person means
    (
        "aegis, ai, bars, bear cat, being, bob, calculator, cat bear, chopper, claw, comfort, darning needle,"
        " depression, drop, essence, establishment, fare, fitch, formation, groin, hack, hose, jack,"
        " killer, light microscope, mole, murphy, napkin, opossum, orb, outflow, painter, possum, puff, roundabout,"
        " sewing needle, soul, spike, stand, string, sweet potato, taper, torpedo, trump, turner, vertical, works",
        "",
        "obscure senses of common words",
    ),
    ("baseball bat, baseball glove, hair brush, toothbrush, tooth brush", "", "things of their own, without a class"),
)
"""``(words, senses, reason)``: what everyday words mean, where WordNet's classes below them are not it.

The first word is the canonical name; of several senses, the rows of the first come first.
"""

LABELS: dict[str, str] = {
    "cock.5": "rooster",
    "kite.4": "kite (bird)",
    "tusker.1": "tusker (elephant)",
    "crane.5": "crane (bird)",
    "crane.4": "crane (machine)",
    "maillot.2": "maillot (tights)",
    "maillot.1": "maillot (swimsuit)",
    "cairn.2": "cairn terrier",
    "lhasa.2": "Lhasa apso",
    "boston_bull.1": "Boston terrier",
    "boxer.4": "boxer (dog)",
    "chow.3": "chow chow",
    "pembroke.1": "Pembroke Welsh corgi",
    "cardigan.2": "Cardigan Welsh corgi",
    "newfoundland.1": "Newfoundland dog",
    "cricket.1": "cricket (insect)",
    "walking_stick.2": "stick insect",
    "admiral.2": "admiral (butterfly)",
    "ringlet.4": "ringlet butterfly",
    "monarch.2": "monarch butterfly",
    "lycaenid.1": "lycaenid butterfly",
    "angora.3": "Angora rabbit",
    "sorrel.5": "sorrel (horse)",
    "ram.5": "ram (sheep)",
    "ice_bear.1": "polar bear",
    "madagascar_cat.1": "ring-tailed lemur",
    "lesser_panda.1": "red panda",
    "amphibian.1": "amphibious vehicle",
    "ashcan.1": "trash can",
    "ballpoint.1": "ballpoint pen",
    "barrow.3": "wheelbarrow",
    "beach_wagon.1": "station wagon",
    "beacon.3": "lighthouse",
    "bicycle-built-for-two.1": "tandem bicycle",
    "binder.3": "ring-binder",
    "bow.4": "bow (weapon)",
    "brass.7": "memorial plaque",
    "brassiere.1": "bra",
    "cab.3": "taxi",
    "carpenter's_kit.1": "tool kit",
    "cellular_telephone.1": "mobile phone",
    "cornet.1": "trumpet",
    "file.3": "filing cabinet",
    "four-poster.1": "four-poster bed",
    "grille.2": "radiator grille",
    "hand_blower.1": "hair dryer",
    "hotdog.2": "hot dog",
    "iron.4": "iron (appliance)",
    "jean.1": "jeans",
    "jersey.3": "jersey (T-shirt)",
    "liner.4": "ocean liner",
    "mortar.3": "mortar (vessel)",
    "mouse.4": "computer mouse",
    "nail.2": "nail (fastener)",
    "nipple.2": "nipple (of a bottle)",
    "notebook.2": "notebook computer",
    "organ.5": "pipe organ",
    "pajama.2": "pajamas",
    "pick.5": "plectrum",
    "pirate.3": "pirate ship",
    "plane.5": "carpenter's plane",
    "plate.8": "plate (main course)",
    "pot.4": "flowerpot",
    "racer.2": "race car",
    "rubber_eraser.1": "pencil eraser",
    "rule.12": "ruler",
    "sax.2": "saxophone",
    "scale.7": "weighing scale",
    "slot.7": "slot machine",
    "stole.1": "stole (scarf)",
    "swab.2": "mop",
    "tank.1": "army tank",
    "teddy.1": "teddy bear",
    "upright.2": "upright piano",
    "vacuum.4": "vacuum cleaner",
    "vault.3": "vault (ceiling)",
    "washer.3": "washing machine",
    "wing.2": "wing (of an aircraft)",
    "wreck.4": "shipwreck",
    "groom.1": "bridegroom",
    "hip.5": "rose hip",
    "ear.5": "ear of corn",
}
"""Display names for classes whose first lemma is ambiguous, rare or misleading."""

PLURALS: dict[str, str] = {"people": "person", "persons": "person"}
"""Irregular plurals that WordNet does not list."""

GENERA = frozenset({"constrictor", "grifola", "holocanthus", "lycaon"})
"""Genera in WordNet's lemmas that have no ``genus_`` entry of their own."""


@dataclass
class Synset:
    """A noun synset of WordNet, with the synsets directly above it."""

    lemmas: list[str]
    parents: list[str]


@dataclass
class WordNet:
    """The nouns of WordNet.

    Attributes
    ----------
    synsets : dict
        By offset.
    senses : dict
        Offsets of a word's senses, by lemma in lower case, in the order of the sense numbers.
    uses : Counter
        How often ``(lemma, sense number)`` was tagged in WordNet's corpora.
    plurals : dict
        Singulars by irregular plural.
    notice : list of str
        The licence notice at the head of the files.
    """

    synsets: dict[str, Synset]
    senses: dict[str, list[str]]
    uses: Counter[tuple[str, int]]
    plurals: dict[str, str]
    notice: list[str] = field(default_factory=list)

    def offset(self, sense: str) -> str:
        """Return the synset that a sense ``lemma.number`` names."""
        lemma, _, number = sense.rpartition(".")
        try:
            return self.senses[lemma][int(number) - 1]
        except (KeyError, ValueError, IndexError):
            raise click.ClickException(f"WordNet has no noun sense {sense}") from None


def _parse_synset(line: str) -> tuple[str, Synset]:
    """Parse one line of data.noun."""
    words = line.split("|", 1)[0].split()
    count = int(words[3], 16)
    lemmas = words[4 : 4 + 2 * count : 2]
    pointers = words[5 + 2 * count :]
    parents = [target for kind, target in zip(pointers[::4], pointers[1::4], strict=False) if kind in ("@", "@i")]
    return words[0], Synset(lemmas, parents)


def _rows_of(path: Path) -> Iterator[str]:
    """Yield the lines of a database file, without the notice at its head."""
    return (line for line in path.read_text(encoding="ascii").splitlines() if not line.startswith(" "))


def _read_senses(path: Path) -> dict[str, list[str]]:
    """Read index.noun: the offsets of every lemma's senses."""
    senses = {}
    for line in _rows_of(path):
        words = line.split()
        senses[words[0]] = words[-int(words[2]) :]
    return senses


def _read_uses(path: Path) -> Counter[tuple[str, int]]:
    """Read cntlist.rev: how often every noun sense was tagged."""
    uses: Counter[tuple[str, int]] = Counter()
    for line in _rows_of(path):
        key, number, count = line.split()
        lemma, _, kind = key.partition("%")
        if kind.startswith("1:"):
            uses[lemma, int(number)] += int(count)
    return uses


def read_wordnet(directory: Path) -> WordNet:
    """Read WordNet's noun files.

    Parameters
    ----------
    directory : Path
        Where ``data.noun`` and its siblings are.

    Returns
    -------
    WordNet
    """
    text = (directory / "data.noun").read_text(encoding="ascii").splitlines()
    notice = [re.sub(r"^ +\d+ ?", "", line).rstrip() for line in text if line.startswith(" ")]
    plurals: dict[str, str] = {}
    for line in _rows_of(directory / "noun.exc"):
        plural, *singulars = line.split()
        plurals.setdefault(plural, singulars[0])
    return WordNet(
        synsets=dict(_parse_synset(line) for line in text if not line.startswith(" ")),
        senses=_read_senses(directory / "index.noun"),
        uses=_read_uses(directory / "cntlist.rev"),
        plurals=plurals,
        notice=notice,
    )


def read_classes() -> list[str]:
    """Return the offsets of the classifier's classes in row order, from the installed timm (not imported)."""
    spec = find_spec("timm")
    if spec is None or not spec.submodule_search_locations:
        raise click.ClickException("timm is not installed: the order of the classes is read from it")
    path = Path(spec.submodule_search_locations[0]) / CLASSES_FILE
    return [line.strip().removeprefix("n") for line in path.read_text(encoding="ascii").split()]


def reparent(wordnet: WordNet) -> None:
    """Move the synsets of `REPARENTED` to their new places."""
    for sense, parent, _ in REPARENTED:
        wordnet.synsets[wordnet.offset(sense)].parents = [wordnet.offset(parent)] if parent else []


def close_upwards(wordnet: WordNet, classes: Sequence[str]) -> dict[str, set[int]]:
    """Return, for every synset above a class or being one, the rows of those classes."""
    below: dict[str, set[int]] = defaultdict(set)
    for row, offset in enumerate(classes):
        waiting = [offset]
        while waiting:
            current = waiting.pop()
            if row not in below[current]:
                below[current].add(row)
                waiting.extend(wordnet.synsets[current].parents)
    return dict(below)


def _frequent_first(wordnet: WordNet, below: dict[str, set[int]], classes: Sequence[str], offset: str) -> list[int]:
    """Return the rows below a synset, those first whose names are in most frequent use."""

    def uses(row: int) -> int:
        return max(_uses(wordnet, lemma, classes[row])[1] for lemma in wordnet.synsets[classes[row]].lemmas)

    return sorted(below.get(offset, ()), key=lambda row: (-uses(row), row))


def resolve_meanings(
    wordnet: WordNet, below: dict[str, set[int]], classes: Sequence[str]
) -> list[tuple[list[str], list[int]]]:
    """Turn the supplement's senses into rows, refusing senses without classes and words given twice."""
    meanings, seen = [], set[str]()
    for words, senses, _ in MEANINGS:
        rows: list[int] = []
        for sense in senses.split():
            found = _frequent_first(wordnet, below, classes, wordnet.offset(sense))
            if not found:
                raise click.ClickException(f"the supplement's {sense} has no class below it")
            rows += [row for row in found if row not in rows]
        names = [word.strip() for word in words.split(",")]
        if seen & set(names):
            raise click.ClickException(f"the supplement has these twice: {sorted(seen & set(names))}")
        seen.update(names)
        meanings.append((names, rows))
    return meanings


def _is_scientific(wordnet: WordNet, lemma: str) -> bool:
    """Tell whether a lemma is a Latin binomial: its first word is a genus."""
    first, _, rest = lemma.partition("_")
    genus = first.lower()
    return bool(rest) and first[0].isupper() and (f"genus_{genus}" in wordnet.senses or genus in GENERA)


def _uses(wordnet: WordNet, lemma: str, offset: str) -> tuple[int, int, int]:
    """Return the sense number that a lemma has in a synset, the uses of that sense, and those of all its senses."""
    key = lemma.lower()
    number = wordnet.senses[key].index(offset) + 1
    every = sum(wordnet.uses[key, sense + 1] for sense in range(len(wordnet.senses[key])))
    return number, wordnet.uses[key, number], every


def _synset_entry(wordnet: WordNet, offset: str) -> list[list[object]]:
    """Return a synset as it is written: lemmas, parents and, where there are any, scientific names."""
    synset = wordnet.synsets[offset]
    scientific = [lemma for lemma in synset.lemmas if _is_scientific(wordnet, lemma)]
    entry: list[list[object]] = [
        [
            [lemma.replace("_", " "), *_uses(wordnet, lemma, offset)]
            for lemma in synset.lemmas
            if lemma not in scientific
        ],
        [f"n{parent}" for parent in synset.parents],
    ]
    return [*entry, [lemma.replace("_", " ") for lemma in scientific]] if scientific else entry


def _kept_plurals(wordnet: WordNet, words: Iterable[str]) -> dict[str, str]:
    """Return the irregular plurals of the given words, and of the last words of the given phrases."""
    kept = {part for word in words for part in (word.lower(), word.lower().rpartition(" ")[2])}
    spelled = {plural.replace("_", " "): one.replace("_", " ") for plural, one in wordnet.plurals.items()}
    return {plural: one for plural, one in sorted({**spelled, **PLURALS}.items()) if one in kept and plural != one}


def _class_labels(wordnet: WordNet, classes: Sequence[str]) -> list[list[str]]:
    """Return ``[synset, display name]`` of every class."""
    given = {wordnet.offset(sense): label for sense, label in LABELS.items()}
    strangers = [sense for sense in LABELS if wordnet.offset(sense) not in set(classes)]
    if strangers:
        raise click.ClickException(f"display names for what is no class: {', '.join(strangers)}")
    names = [given.get(offset, wordnet.synsets[offset].lemmas[0].replace("_", " ")) for offset in classes]
    return [[f"n{offset}", name] for offset, name in zip(classes, names, strict=True)]


def build(wordnet: WordNet, classes: Sequence[str]) -> dict[str, object]:
    """Assemble the vocabulary.

    Parameters
    ----------
    wordnet : WordNet
        As `read_wordnet` gives it; the places of some synsets are changed.
    classes : sequence of str
        Offsets of the classes in row order.

    Returns
    -------
    dict
        The object of the file, in the order of its keys.
    """
    reparent(wordnet)
    below = close_upwards(wordnet, classes)
    meanings = resolve_meanings(wordnet, below, classes)
    words = [lemma.replace("_", " ") for offset in below for lemma in wordnet.synsets[offset].lemmas]
    words += [word for names, _ in meanings for word in names]
    return {
        "source": SOURCE,
        "license": wordnet.notice,
        "classes": _class_labels(wordnet, classes),
        "synsets": {f"n{offset}": _synset_entry(wordnet, offset) for offset in sorted(below)},
        "vague": sorted(f"n{offset}" for offset in {wordnet.offset(sense) for sense in VAGUE} & below.keys()),
        "plurals": _kept_plurals(wordnet, words),
        "meanings": meanings,
    }


def _one_a_line(value: object) -> str:
    """Write a list or an object with one entry a line, anything else on one line."""
    if isinstance(value, dict):
        lines = [f"{_compact(key)}: {_compact(entry)}" for key, entry in value.items()]
        return "{\n" + ",\n".join(lines) + "\n}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(_compact(entry) for entry in value) + "\n]"
    return _compact(value)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def render(vocabulary: dict[str, object]) -> str:
    """Write the vocabulary as JSON of which every line is one entry."""
    body = ",\n".join(f"{_compact(key)}: {_one_a_line(value)}" for key, value in vocabulary.items())
    return "{\n" + body + "\n}\n"


@click.command()
@click.option(
    "--wordnet",
    "directory",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of WordNet 3.0's database files.",
)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="JSON file to write.")
def main(directory: Path, out: Path) -> None:
    """Write the word vocabulary of the ImageNet-1k classifier."""
    classes = read_classes()
    text = render(build(read_wordnet(directory), classes))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="ascii")
    click.echo(f"{out}: {len(classes)} classes, {len(text) // 1000} kB")


if __name__ == "__main__":
    main()
