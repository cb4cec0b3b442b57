"""Augmentation of training images: a pure function of (sample, seed).

albumentations 2.0.8 draws from its own generators, which seed_everything does not seed: without a new seed, all workers
and all epochs repeat the same draws (albumentations-team/AlbumentationsX#266). torchvision draws from torch's global
generator. Both are seeded here for each sample.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch

from al_lightning.data import uda_policies
from al_lightning.data.images import Array
from al_lightning.errors import MOST_PIXELS, UsageError, require

Sample = tuple[Array, "int | Array"]


class Augmentation(ABC):
    """Changes a training sample."""

    labels: ClassVar[Literal["image", "pixel", "any"]] = "any"
    """Kind of labels that the augmentation supports: one per image, one per pixel, or any."""

    @abstractmethod
    def __call__(self, image: Array, label: int | Array, seed: int) -> Sample:
        """Return the augmented image, (H, W, 3) uint8, and its label; all draws derive from `seed`."""


class NoAugmentation(Augmentation):
    """Changes nothing."""

    def __call__(self, image: Array, label: int | Array, seed: int) -> Sample:
        """Return the sample."""
        return image, label


class ImageAugmentation(Augmentation):
    """AutoAugment, Cutout, flip, and a crop of the padded image, for small images of one class.

    Args:
        auto_augment: apply one random sub-policy of AutoAugment for CIFAR-10 (Cubuk et al. 2019).
        policies: of which list: torchvision's 25 sub-policies, or the 95 of UDA's authors (`uda_policies`).
        cutout: side of a grey square at a random centre (DeVries and Taylor 2017), in pixels; 0 for none.
        flip: mirror half of the images.
        crop_padding: pixels of reflect padding, from which a random crop of the original size is taken; 0 for none.
    """

    labels: ClassVar[Literal["image", "pixel", "any"]] = "image"

    def __init__(
        self,
        auto_augment: bool = True,
        cutout: int = 16,
        flip: bool = True,
        crop_padding: int = 4,
        policies: Literal["torchvision", "uda"] = "torchvision",
    ) -> None:
        require("augmentation.cutout", cutout, least=0, most=MOST_PIXELS)
        require("augmentation.crop_padding", crop_padding, least=0, most=MOST_PIXELS)
        self.auto_augment = auto_augment
        self.cutout = cutout
        self.flip = flip
        self.crop_padding = crop_padding
        self.policies = policies

    def __call__(self, image: Array, label: int | Array, seed: int) -> Sample:
        """Return the augmented image and its class."""
        draw = np.random.default_rng(seed)
        if self.auto_augment:
            image = _auto_augment(image, seed) if self.policies == "torchvision" else uda_policies.augment(image, seed)
        height, width = image.shape[:2]
        if self.cutout:
            top, left = draw.integers(height) - self.cutout // 2, draw.integers(width) - self.cutout // 2
            image = image.copy()
            image[max(0, top) : max(0, top + self.cutout), max(0, left) : max(0, left + self.cutout)] = 128
        if self.flip and draw.random() < 0.5:
            image = image[:, ::-1]
        if pad := self.crop_padding:
            y, x = draw.integers(2 * pad + 1, size=2)
            rows, columns = _reflected(height, pad)[y : y + height], _reflected(width, pad)[x : x + width]
            image = image.take(rows, axis=0).take(columns, axis=1)  # five times as fast as padding the whole image
        return np.ascontiguousarray(image), label


@functools.cache
def _reflected(length: int, pad: int) -> npt.NDArray[np.intp]:
    """Return the pixel of a line at each place of the padded line."""
    return np.pad(np.arange(length), pad, mode="reflect")


@functools.cache
def _policy() -> Any:
    from torchvision.transforms import v2

    return v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10)


def _auto_augment(image: Array, seed: int) -> Array:
    # Not torch.manual_seed: while CUDA is not initialised it formats the call stack, which took half the loading time.
    state = torch.default_generator.get_state()
    try:
        torch.default_generator.manual_seed(seed)
        out = _policy()(torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))))
    finally:
        torch.default_generator.set_state(state)
    result: Array = out.numpy().transpose(1, 2, 0)
    return result


def colour_jitter(pixels: Array, factors: npt.NDArray[np.floating[Any]], channels: npt.NDArray[np.float64]) -> Array:
    """Return an image with other colours.

    Args:
        pixels: (H, W, 3) uint8.
        factors: of brightness, contrast and saturation, (3,).
        channels: factor of each channel, (3,).
    """
    brightness, contrast, saturation = factors
    bright = pixels.astype(np.float32) * brightness
    mean, grey = bright.mean(), bright.mean(axis=-1, keepdims=True)
    changed = mean + contrast * (grey + saturation * (bright - grey) - mean)
    jittered: Array = np.clip(changed * channels, 0, 255).astype(np.uint8)
    return jittered


class SegmentationAugmentation(Augmentation):
    """Scale jitter, crop and flip by albumentations, for images with a class per pixel.

    Args:
        crop: (height, width) of a random crop; smaller images are padded with grey, and their labels with 255.
        flip: mirror half of the images.
        scale: (smallest, largest) factor of a random scaling before the crop, above 0, at most 10; none by default.
    """

    labels: ClassVar[Literal["image", "pixel", "any"]] = "pixel"

    def __init__(
        self,
        crop: tuple[int, int] | None = None,
        flip: bool = True,
        scale: tuple[float, float] | None = None,
    ) -> None:
        if crop is not None:
            require("augmentation.crop", crop, least=1, most=MOST_PIXELS)
        if scale is not None:
            require("augmentation.scale", scale, above=0, most=10)
            if scale[0] > scale[1]:
                raise UsageError(f"augmentation.scale is {list(scale)}; [smallest, largest] factor was expected.")
        self.crop = crop
        self.flip = flip
        self.scale = scale

    @functools.cached_property
    def _pipeline(self) -> Any:
        import albumentations as A
        import cv2

        cv2.setNumThreads(0)  # workers are processes already
        steps: list[Any] = []
        if self.scale is not None:
            low, high = self.scale
            steps.append(A.RandomScale(scale_limit=(low - 1, high - 1), p=1))
        if self.crop is not None:
            height, width = self.crop
            steps.append(
                A.PadIfNeeded(height, width, border_mode=cv2.BORDER_CONSTANT, fill=(124, 116, 104), fill_mask=255)
            )
            steps.append(A.RandomCrop(height, width))
        if self.flip:
            steps.append(A.HorizontalFlip(p=0.5))
        return A.Compose(steps)

    def __call__(self, image: Array, label: int | Array, seed: int) -> Sample:
        """Return image and label after the same changes."""
        self._pipeline.set_random_seed(seed)
        out = self._pipeline(image=image, mask=label)
        return np.ascontiguousarray(out["image"]), np.ascontiguousarray(out["mask"])
