"""What tests ask of an error: its kind, and the facts in its sentence (a file, a number, an option), not its prose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from al_lightning.errors import ALError
from tests.support.runs import Answer


def lacking(text: str, facts: Sequence[object]) -> list[object]:
    """The facts that a text does not hold; a number is not a part of a longer one."""

    def holds(fact: object) -> bool:
        if isinstance(fact, int):
            return re.search(rf"(?<![\d,]){fact:,}(?![\d,]*\d)", text) is not None
        return str(fact) in text

    return [fact for fact in facts if not holds(fact)]


@contextmanager
def raises(kind: type[Exception], *facts: object) -> Iterator[None]:
    """Expect an error of exactly this kind, whose sentence holds the facts."""
    with pytest.raises(kind) as caught:
        yield
    assert caught.type is kind
    assert not lacking(str(caught.value), facts), str(caught.value)


def refused(answer: Answer, kind: type[ALError], *facts: object) -> bool:
    """Whether a command ended with the exit code of a kind, and what it printed for people holds the facts."""
    assert answer.code == kind.exit_code, answer.err
    assert not lacking(answer.err, facts), answer.err
    return True
