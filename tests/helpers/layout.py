"""The layout of the packages: `python tests/helpers/layout.py` prints the numbers of rooms, floors and arrows, and any circles.

A room is a package or module directly in the measured package. An arrow leads from room A to room B, and A lies above B, if
a module of A imports one of B, even if only for types. Rooms on the ground floor import no other room.
"""

from dataclasses import dataclass

import grimp


@dataclass(frozen=True)
class Layout:
    """The counts, and the import cycles (circles)."""

    rooms: int
    floors: int
    arrows: int
    circles: list[tuple[str, ...]]


def measured(package: str = "tfpagan") -> Layout:
    """The layout of an installed package: `tfpagan`, or one in it."""
    graph = grimp.build_graph("tfpagan", cache_dir=None)
    below: dict[str, set[str]] = {_room(room, package): set() for room in graph.find_children(package)}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            one, other = _room(module, package), _room(imported, package)
            if one and other and one != other:
                below[one].add(other)
    floors: dict[str, int] = {}
    circles: list[tuple[str, ...]] = []

    def floor(room: str, on_the_way: tuple[str, ...]) -> int:
        if room in on_the_way:
            circles.append((*on_the_way[on_the_way.index(room) :], room))
            return 0
        if room not in floors:
            floors[room] = 1 + max((floor(under, (*on_the_way, room)) for under in below[room]), default=0)
        return floors[room]

    highest = max(floor(room, ()) for room in below)
    return Layout(len(below), highest, sum(map(len, below.values())), circles)


def _room(module: str, package: str) -> str:
    inside = module.removeprefix(f"{package}.")
    return "" if inside == module else inside.split(".")[0]


if __name__ == "__main__":
    for name in ("tfpagan", "tfpagan.evaluation"):
        print(name, measured(name))
