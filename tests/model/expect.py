"""Write a golden case's expected folder from the model: python -m tests.model.expect [CASE ...]. Check it by hand."""

import sys
from pathlib import Path

from tests.model import adapter, dump, engine, files

GOLDEN = Path(__file__).parents[1] / "golden"


def cases() -> list[Path]:
    """All case folders."""
    return sorted(path.parent for path in GOLDEN.glob("*/pipeline.py"))


def texts(case: Path) -> dict[str, str]:
    """What the model says about a case: file name -> text."""
    spec = adapter.load(case / "pipeline.py")
    return dump.texts_of(spec, engine.run(spec, files.read_folder(case / "input")), events=True)


def main() -> None:
    """Write the folders of the named cases, or of all."""
    for case in cases():
        if len(sys.argv) > 1 and case.name not in sys.argv[1:]:
            continue
        folder = case / "expected"
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.csv"):
            old.unlink()
        for name, text in texts(case).items():
            (folder / name).write_text(text, encoding="utf-8", newline="")


if __name__ == "__main__":
    main()
