"""Values of files that may come from anywhere."""

import pytest

from al_lightning.labels.limits import Limits, parse_json
from al_lightning.labels.untrusted import Malformed, real, shown, whole


def test_hostile_json_is_a_sentence() -> None:
    for text in (b"[" * 200_000, b"[NaN]", b"[" + b"9" * 10_000 + b"]", b"{", b"\xff\xfe", b"[-Infinity]"):
        with pytest.raises(Malformed):
            parse_json(text, Limits.of([]))
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == shown([1, {}]) == "a list"
    assert shown([3, "x\x1b", None]) == r"[3, 'x\x1b', None]"
    assert (shown([]), shown({"a": 1})) == ("[]", "an object")
    assert shown(list(range(10**6))) == "[0, 1, 2, 3, 4, 5, 6, 7, ...]"
    assert shown("a\x1b[31mb" + "c" * 500).startswith(r"'a\x1b[31mb")
    assert len(shown("c" * 500)) < 110
    for bad in (True, "1", None, 1.5, float("nan"), 1e300, -1):
        with pytest.raises(Malformed):
            whole(bad, "it", 0, 10)
    for bad in (True, "1", None, float("inf"), 10**400):
        with pytest.raises(Malformed):
            real(bad, "it", 0, 10)
