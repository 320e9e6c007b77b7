"""Makes Delta's evaluation cases: `python -m scripts.planner.drafts dev.jsonl OUT.jsonl`.

Every development row makes two cases: its plan as a right draft, and the same with one injected
mistake (see `scripts.planner.mistakes`). Rows that no mistake fits make only the first.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.planner.mistakes import spoil
from scripts.planner.sources import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scripts.planner.sequences import Row


def cases(rows: Iterable[Row], *, seed: int) -> list[dict[str, Any]]:
    """Return the cases; the mistakes are drawn from the seed."""
    rng = random.Random(seed)
    made = []
    for row in rows:
        drafts = [row["tasks"], spoil(row["tasks"], row["nl"], rng)]
        made += [
            {"instruction": row["nl"], "draft": draft, "reference": {"tasks": row["tasks"]}}
            for draft in drafts
            if draft is not None
        ]
    return made


def main(arguments: list[str] | None = None) -> None:
    """Read the rows, write the cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path, help="dev.jsonl, as `scripts.planner.prepare` writes it")
    parser.add_argument("out", type=Path, help="the cases, for `agx eval`")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    made = cases(read_lines(args.rows), seed=args.seed)
    with args.out.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(case, ensure_ascii=False) + "\n" for case in made)
    print(f"{args.out}: {len(made)} cases")


if __name__ == "__main__":
    main()
