"""Which peers there are: a file in `adapters/` is one, and is read without being imported."""

import ast
from dataclasses import dataclass
from pathlib import Path

__all__ = ["OURS", "Choice", "chosen"]

OURS = "forecaster"
FOLDER = Path(__file__).parent / "adapters"


@dataclass(frozen=True)
class Choice:
    """A model of a peer."""

    peer: str
    model: str
    packages: tuple[str, ...]

    @property
    def name(self) -> str:
        """As it is asked for."""
        return f"{self.peer}:{self.model}"

    @property
    def file(self) -> Path:
        """Its adapter."""
        return FOLDER / f"{self.peer}.py"


def chosen(words: str) -> list[Choice]:
    """Models asked for with commas, `peer` (all that its file names) or `peer:model` (any that the library has).

    Ours come first and always: the others are read beside them. No words are all peers.
    """
    there = sorted(path.stem for path in FOLDER.glob("*.py"))
    asked = [word for word in words.split(",") if word] or there
    found = []
    for word in dict.fromkeys([OURS, *asked]):
        peer, _, model = word.partition(":")
        if peer not in there:
            raise SystemExit(f"unknown peer '{peer}'. Known: {', '.join(there)}")
        facts = _literals(FOLDER / f"{peer}.py")
        found += [Choice(peer, name, facts["PACKAGES"]) for name in ([model] if model else facts["MODELS"])]
    return list(dict.fromkeys(found))


def _literals(path: Path) -> dict[str, tuple[str, ...]]:
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("PACKAGES", "MODELS"):
                found[name] = ast.literal_eval(node.value)
    return found
