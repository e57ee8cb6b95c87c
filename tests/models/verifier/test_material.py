from models.data.held_out import held_out
from models.verifier.kinds import Kinds
from models.verifier.material import Material

LISTED = held_out()


def test_held_out_sources_and_places_are_on_the_held_side_alone(material: Material) -> None:
    for thing in material.things:
        listed = LISTED.photographed | LISTED.shops
        assert (thing.side == "held") == (thing.source in listed) or thing.source == "traced"
    for picture in material.labelled:
        assert (picture.side == "held") == (picture.source in LISTED.photographed)
    for picture in material.harmless:
        assert (picture.side == "held") == (picture.place in LISTED.places)


def test_some_traced_objects_are_held_out_and_some_are_for_tuning(material: Material) -> None:
    sides = [thing.side for thing in material.things if thing.source == "traced"]
    assert sides == ["held", "tuning", "train", "train", "train", "train", "held"]


def test_every_cutout_and_picture_has_a_name_that_the_kinds_know(
    material: Material, kinds: Kinds
) -> None:
    names = {each.name for each in (*material.things, *material.labelled, *material.harmless)}
    assert names <= set(kinds.meanings)
    assert {"aerosol", "vape", "jug", "nitrous_cylinder", "lpg_bottle", "metal"} <= names


def test_belt_frames_and_belts_of_other_places_are_backgrounds(material: Material) -> None:
    belts = [picture for picture in material.harmless if picture.belt]
    assert len(belts) == 9 + 3
