"""The devices of a machine."""

from __future__ import annotations

from al_lightning.launcher.machine import listed_gpus


def test_gpus_as_nvidia_smi_lists_them() -> None:
    listed = """GPU 0: NVIDIA A100 (UUID: GPU-aa-1)
  MIG 3g.20gb     Device  0: (UUID: MIG-b-1)
  MIG 3g.20gb     Device  1: (UUID: MIG-b-2)
GPU 1: NVIDIA A100 (UUID: GPU-aa-2)
"""
    assert listed_gpus(listed) == ["MIG-b-1", "MIG-b-2", "GPU-aa-2"]
    assert listed_gpus("No devices were found\n") == []
