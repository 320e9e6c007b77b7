"""The tree of prompt blocks, and its trivial twin: a list of all prompts that does the same the long way."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

import pytest

from agx.engine.prefix import BLOCK, Found, PrefixTree, Twice

Prompt = tuple[int, ...]


class PromptList:
    """The oracle: the tokens of each holder, and when each beginning of a prompt was last used."""

    def __init__(self) -> None:
        self.prompts: dict[int, Prompt] = {}
        self._last_used: dict[Prompt, int] = {}
        self._clock = 0

    def beginnings(self, tokens: Sequence[int]) -> list[Prompt]:
        """Return all beginnings that are whole blocks, the shortest first."""
        return [tuple(tokens[:stop]) for stop in range(BLOCK, len(tokens) + 1, BLOCK)]

    def holders_of(self, beginning: Prompt) -> set[int]:
        return {each for each, tokens in self.prompts.items() if tokens[: len(beginning)] == beginning}

    @property
    def num_tokens(self) -> int:
        return BLOCK * len({each for tokens in self.prompts.values() for each in self.beginnings(tokens)})

    def find(self, prompt: Sequence[int]) -> tuple[int, set[int]]:
        self._clock += 1
        found: tuple[int, set[int]] = (0, set())
        for beginning in self.beginnings(prompt[:-1]):
            holders = self.holders_of(beginning)
            if not holders:
                break
            self._last_used[beginning] = self._clock
            found = (len(beginning), holders)
        return found

    def hold(self, holder: int, tokens: Sequence[int]) -> set[int]:
        """Return where the blocks begin that another holder had already."""
        self._clock += 1
        had = len(self.prompts.get(holder, ()))
        new = [each for each in self.beginnings(tokens) if len(each) > had]
        twice = {len(each) - BLOCK for each in new if self.holders_of(each)}
        if new:
            self.prompts[holder] = new[-1]
        for beginning in self.beginnings(self.prompts.get(holder, ())):
            self._last_used[beginning] = self._clock
        return twice

    def cut(self, holder: int, num_tokens: int) -> None:
        if self.prompts.get(holder):
            self.prompts[holder] = self.prompts[holder][:num_tokens]
            if not self.prompts[holder]:
                del self.prompts[holder]

    def is_needed(self, holder: int) -> bool:
        tokens = self.prompts.get(holder)
        return tokens is not None and self.holders_of(tokens) == {holder}

    def evict(self, *, spared: Collection[int]) -> Found | None:
        whole = set(self.prompts.values())
        leaves = [
            (self._last_used[tokens], holder)
            for holder, tokens in self.prompts.items()
            if not any(other[: len(tokens)] == tokens and other != tokens for other in whole)
            and not self.holders_of(tokens) & set(spared)
        ]
        if not leaves:
            return None
        _, holder = min(leaves)
        self.cut(holder, len(self.prompts[holder]) - BLOCK)
        if not self.is_needed(holder):
            self.cut(holder, 0)
        return Found(len(self.prompts.get(holder, ())), holder)


def random_prompt(rng: random.Random) -> list[int]:
    """Return a prompt of up to six blocks, whose blocks are of two kinds, and some tokens more."""
    blocks = [rng.randrange(2) for _ in range(rng.randrange(7))]
    return [kind for kind in blocks for _ in range(BLOCK)] + [7] * rng.randrange(BLOCK)


@pytest.mark.parametrize("seed", range(15))
def test_random_operations_do_the_same_as_a_list_of_prompts(seed: int) -> None:
    rng, tree, twin = random.Random(seed), PrefixTree(), PromptList()
    for _ in range(300):
        holder = rng.randrange(6)
        match rng.choice(["find", "hold", "hold", "extend", "cut", "evict"]):
            case "find":
                prompt = random_prompt(rng)
                num_tokens, holders = twin.find(prompt)
                found = tree.find(prompt)
                assert found.num_tokens == num_tokens
                assert found.holder in holders if holders else found.holder is None
            case "hold" if holder not in twin.prompts:
                prompt = random_prompt(rng)
                assert {each.start for each in tree.hold(holder, prompt)} == twin.hold(holder, prompt)
            case "extend" if holder in twin.prompts:
                prompt = [*twin.prompts[holder], *random_prompt(rng)]
                assert {each.start for each in tree.hold(holder, prompt)} == twin.hold(holder, prompt)
            case "cut":
                num_tokens = rng.randrange(5) * BLOCK
                tree.cut(holder, num_tokens)
                twin.cut(holder, num_tokens)
            case "evict":
                spared = set(rng.sample(range(6), rng.randrange(3)))
                assert tree.evict(spared=spared) == twin.evict(spared=spared)
        assert set(tree.holders) == set(twin.prompts)
        assert tree.num_tokens == twin.num_tokens
        for each in range(6):
            assert tree.num_held(each) == len(twin.prompts.get(each, ()))
            assert tree.is_needed(each) == twin.is_needed(each)


def held(*prompts: Sequence[int]) -> PrefixTree:
    """Return a tree in which holder 0 has the first prompt, and so on."""
    tree = PrefixTree()
    for holder, prompt in enumerate(prompts):
        tree.hold(holder, prompt)
    return tree


@pytest.mark.parametrize(
    ("num_held", "num_prompt", "num_found"),
    [
        (0, 500, 0),
        (BLOCK - 1, 500, 0),
        (BLOCK, 500, BLOCK),
        (3 * BLOCK + 5, 3 * BLOCK + 5, 3 * BLOCK),
        (3 * BLOCK, 3 * BLOCK, 2 * BLOCK),
        (3 * BLOCK, 3 * BLOCK + 1, 3 * BLOCK),
        (5 * BLOCK, BLOCK, 0),
        (5 * BLOCK, BLOCK + 1, BLOCK),
    ],
)
def test_whole_blocks_are_found_but_never_the_last_token(
    num_held: int, num_prompt: int, num_found: int
) -> None:
    assert held(range(num_held)).find(range(num_prompt)).num_tokens == num_found


@pytest.mark.parametrize("at", [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 7])
def test_what_is_found_ends_before_the_block_of_the_first_difference(at: int) -> None:
    prompt = list(range(4 * BLOCK))
    prompt[at] = -1
    assert held(range(4 * BLOCK)).find(prompt).num_tokens == at // BLOCK * BLOCK


def test_a_common_beginning_counts_once() -> None:
    common = list(range(2 * BLOCK))
    tree = held([*common, *[1] * BLOCK], [*common, *[2] * BLOCK])
    assert tree.num_tokens == 4 * BLOCK
    assert tree.find([*common, 9]).num_tokens == 2 * BLOCK


def test_a_block_that_another_holder_has_is_told() -> None:
    tree = held(range(2 * BLOCK))
    assert tree.hold(1, range(3 * BLOCK)) == [Twice(0, 0), Twice(BLOCK, 0)]
    assert tree.num_tokens == 3 * BLOCK


def test_the_block_used_longest_ago_goes_first_and_the_beginning_last() -> None:
    common = [0] * BLOCK
    tree = held([*common, *[1] * 2 * BLOCK], [*common, *[2] * BLOCK])
    tree.find([*common, *[1] * 2 * BLOCK, 9])
    assert tree.evict(spared=()) == Found(0, 1)
    assert tree.evict(spared=()) == Found(2 * BLOCK, 0)
    assert tree.evict(spared=()) == Found(BLOCK, 0)
    assert tree.evict(spared=()) == Found(0, 0)
    assert tree.evict(spared=()) is None


def test_what_a_spared_holder_has_stays() -> None:
    tree = held([1] * BLOCK, [2] * BLOCK)
    assert tree.evict(spared={0}) == Found(0, 1)
    assert tree.evict(spared={0}) is None


def test_nothing_is_found_in_a_tree_that_was_cleared() -> None:
    tree = held(range(3 * BLOCK))
    tree.clear()
    assert tree.find(range(500)) == Found(0, None)
    assert tree.num_tokens == 0
