"""Names of classes that cannot be, in every place that names them."""

import pytest
import yaml

from al_lightning.data import ImageFolder, MaskFolder
from al_lightning.data.class_names import check_class_names
from al_lightning.data.mappings import load_mapping
from al_lightning.errors import UsageError
from tests.support.errors import raises

WRONG = [
    (["road", "road", "car"], ["'road'", "twice"]),
    (["road", "road ", "car"], ["'road '", "twice"]),
    (["\u00e9", "e\u0301"], ["twice"]),
    (["road", "", "car"], ["empty"]),
    (["road", "  "], ["empty"]),
    (["road"], ["'road'", "two or more"]),
    (["road car tree"], ["'road car tree'", "[road, car, tree]"]),
]


@pytest.mark.parametrize(("names", "facts"), WRONG)
def test_names_are_refused_by_both_datasets_and_by_mappings(tmp_path, names, facts):
    for dataset in (ImageFolder, MaskFolder):
        with raises(UsageError, "data.classes", *facts):
            dataset(classes=names)
    (tmp_path / "map.yaml").write_text(yaml.safe_dump({"classes": names, "ids": {0: names[0]}}))
    with raises(UsageError, tmp_path / "map.yaml", *facts):
        load_mapping(tmp_path / "map.yaml")


def test_the_number_of_classes_of_pixels_is_limited():
    names = [str(number) for number in range(255)]
    assert check_class_names(names) == tuple(names)
    assert len(check_class_names(names[:254], per_pixel=True)) == 254
    with raises(UsageError, 255, "255 is ignored"):
        check_class_names(names, per_pixel=True)
    with raises(UsageError, "no class"):
        check_class_names([])


@pytest.mark.parametrize("word", ["no", "yes", "0", "null", "2020-01-01"])
def test_a_name_that_yaml_takes_for_something_else_needs_quotes(tmp_path, word):
    path = tmp_path / "map.yaml"
    for text in (f"classes: [{word}, b]\nids: {{0: b}}\n", f"classes: [a, b]\nids: {{0: {word}}}\n"):
        path.write_text(text)
        with raises(UsageError, path, "quotes"):
            load_mapping(path)
    path.write_text(f'classes: ["{word}", b]\nids: {{0: "{word}", 1: b}}\n')
    assert load_mapping(path).classes == (word, "b")
