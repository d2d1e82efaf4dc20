"""The layers of the packages: `python tests/helpers/layout.py` counts packages, layers and imports, and shows any cycles.

A package here is a package or module directly in the measured one. A imports B, and lies above it, if a module of A imports one
of B, even if only for types. Packages of the lowest layer import no other.
"""

from dataclasses import dataclass

import grimp


@dataclass(frozen=True)
class Layout:
    """The counts, and the import cycles."""

    packages: int
    layers: int
    imports: int
    cycles: list[tuple[str, ...]]


def measured(package: str = "tfpagan") -> Layout:
    """The layout of an installed package: `tfpagan`, or one in it."""
    graph = grimp.build_graph("tfpagan", cache_dir=None)
    below: dict[str, set[str]] = {_part(part, package): set() for part in graph.find_children(package)}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            one, other = _part(module, package), _part(imported, package)
            if one and other and one != other:
                below[one].add(other)
    layers: dict[str, int] = {}
    cycles: list[tuple[str, ...]] = []

    def layer(part: str, path: tuple[str, ...]) -> int:
        if part in path:
            cycles.append((*path[path.index(part) :], part))
            return 0
        if part not in layers:
            layers[part] = 1 + max((layer(under, (*path, part)) for under in below[part]), default=0)
        return layers[part]

    highest = max(layer(part, ()) for part in below)
    return Layout(len(below), highest, sum(map(len, below.values())), cycles)


def _part(module: str, package: str) -> str:
    inside = module.removeprefix(f"{package}.")
    return "" if inside == module else inside.split(".")[0]


if __name__ == "__main__":
    for name in ("tfpagan", "tfpagan.evaluation"):
        print(name, measured(name))
