import numpy as np
import pytest
from PIL import Image

from demo.scenes import SCENES, SIZE_HW, THINGS, compose

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return compose(tmp_path_factory.mktemp("scenes"))


def test_every_thing_is_shown_often_and_motorcycles_are_a_minority(scenes):
    assert len(scenes) == SCENES == len({scene.path for scene in scenes})
    for name in THINGS:
        assert 8 <= sum(scene.shows(name) for scene in scenes) <= SCENES // 2


def test_scenes_are_the_same_for_the_same_seed(scenes, tmp_path):
    again = compose(tmp_path)
    for first, second in zip(scenes, again, strict=True):
        assert first.things == second.things
        assert first.path.read_bytes() == second.path.read_bytes()


def test_points_lie_on_what_was_pasted(scenes):
    composed = [scene for scene in scenes if scene.path.name.startswith("scene-")]
    flowers = [(scene, thing) for scene in composed for thing in scene.things if thing.name == "flower"]
    assert flowers
    for scene, thing in flowers:
        pixels = np.asarray(Image.open(scene.path))
        assert pixels.shape[:2] == SIZE_HW
        x, y = thing.point_xy
        red, _, blue = pixels[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0)
        assert red > blue + 40, f"{scene.path.name}: a flower is orange at {x},{y}"
