"""What a run was on, and its method: as its parts say and, without a part, as its settings do."""

import pytest

from al_lightning.runs.journal import RunRecord
from al_lightning.runs.parts import method_of, run_name, setting_of

CLASSES = {"data.class_path": "d.MaskFolder", "acquisition.class_path": "a.VariationRatio"}


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
