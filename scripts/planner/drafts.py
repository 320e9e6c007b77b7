"""Makes Delta's evaluation cases: `python -m scripts.planner.drafts dev.jsonl OUT.jsonl`.

Every development row gives two cases: its plan as a right draft, and the same with one injected
mistake (see `scripts.planner.mistakes`; rows that no mistake fits give only the first).
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

from scripts.planner.mistakes import spoil
from scripts.planner.sources import read_lines


def cases(rows: list[dict[str, Any]], *, seed: int) -> list[dict[str, Any]]:
    """Give the cases; the mistakes are drawn from the seed."""
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


def main() -> None:
    """Read the rows, write the cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    made = cases(list(read_lines(args.rows)), seed=args.seed)
    args.out.write_text("".join(json.dumps(case, ensure_ascii=False) + "\n" for case in made), encoding="utf-8")
    print(f"{args.out}: {len(made)} cases")


if __name__ == "__main__":
    main()
