"""What a run was on, and its method: as its parts say and, without a part, as its settings do."""

import pytest

from al_lightning.runs.journal import RunRecord
from al_lightning.runs.parts import config_of, method_of, named_classes, run_name, setting_of

DATA, STRATEGIES = "al_lightning.data", "al_lightning.acquisition"
CLASSES = {"data.class_path": f"{DATA}.MaskFolder", "acquisition.class_path": f"{STRATEGIES}.VariationRatio"}


@pytest.mark.parametrize(
    ("parts", "name", "setting", "method"),
    [
        (
            {"datasets": "voc", "budgets": "5-5", "acquisition": "coreset_mcd", "training": "s4gan"},
            "voc_5-5_coreset_mcd_s4gan", "voc_5-5", "coreset_mcd_s4gan",
        ),
        (
            {"datasets": "demo_11f", "networks": "unet", "acquisition": "coreset", "training": "supervised"},
            "demo_11f_unet_coreset", "demo_11f_unet", "coreset",
        ),
        (
            {"datasets": "digits", "augmentation": "noaug", "acquisition": "entropy", "other": "mine"},
            "digits_noaug_entropy_mine", "digits_noaug", "entropy_mine",
        ),
        # Without a part its class stands for it; the configs of one's own that name the class say no more.
        ({"datasets": "digits", "other": "mine"}, "digits_mine", "digits", "variation_ratio"),
        ({"acquisition": "entropy", "training": "uda"}, "entropy_uda", "mask_folder", "entropy_uda"),
        ({"training": "uda", "other": "mine"}, "uda_mine", "mask_folder", "variation_ratio_uda"),
    ],
)  # fmt: skip
def test_names_settings_and_methods_by_parts(parts, name, setting, method):
    record = RunRecord(run_name(parts), 0, CLASSES, 9, parts=parts)
    assert (record.name, setting_of(record), method_of(record)) == (name, setting, method)


def test_a_run_that_names_no_class_is_called_by_its_name():
    record = RunRecord("mine", 0, {}, 9)
    assert (setting_of(record), method_of(record)) == ("mine", "mine")


def test_a_class_of_ones_own_without_a_part_is_called_by_its_path():
    """`my.Random` is not the baseline."""
    record = RunRecord("mine", 0, {"data.class_path": "my.Leaves", "acquisition.class_path": "my.Random"}, 9)
    assert (setting_of(record), method_of(record)) == ("my.Leaves", "my.Random")


NAMED = {
    "datasets": ("data", "my.Leaves"), "networks": ("network", "my.Net"),
    "acquisition": ("acquisition", "my_code.X"), "training": ("training", "my.Train"),
}  # fmt: skip


def named(*axes, **parts):
    """A run of `digits_noaug_entropy_uda`, some of whose parts are classes of the command line."""
    settings = {f"{section}.class_path": path for section, path in NAMED.values()}
    own = {axis: NAMED[axis][1] for axis in axes}
    parts = {"datasets": "digits", "augmentation": "noaug", "acquisition": "entropy", "training": "uda"} | own | parts
    return RunRecord(run_name(parts), 0, settings, 9, parts=parts)


@pytest.mark.parametrize(
    ("axes", "name", "setting", "method"),
    [
        ((), "digits_noaug_entropy_uda", "digits_noaug", "entropy_uda"),
        (("acquisition",), "digits_noaug_my_code.X_uda", "digits_noaug", "my_code.X_uda"),
        (("training",), "digits_noaug_entropy_my.Train", "digits_noaug", "entropy_my.Train"),
        (("networks",), "digits_my.Net_noaug_entropy_uda", "digits_my.Net_noaug", "entropy_uda"),
        (("datasets",), "my.Leaves_noaug_entropy_uda", "my.Leaves_noaug", "entropy_uda"),
    ],
)
def test_classes_of_the_command_line_have_their_own_names(axes, name, setting, method):
    record = named(*axes)
    assert (record.name, setting_of(record), method_of(record)) == (name, setting, method)


def test_a_class_of_the_package_is_called_by_its_name_alone():
    parts = {"datasets": "mask_folder", "networks": "al_lightning.networks.UNet", "acquisition": "random"}
    record = RunRecord(run_name(parts), 0, {"network.class_path": parts["networks"]}, 9, parts=parts)
    assert (record.name, setting_of(record)) == ("mask_folder_UNet_random", "mask_folder_UNet")


def test_a_part_with_a_dot_in_its_name_is_no_class():
    record = named(budgets="2.5-2.5", networks="resnet.v2")
    assert named_classes(record) == {}
    assert config_of(record) == ("digits_resnet.v2_2.5-2.5_noaug_entropy_uda", {})
