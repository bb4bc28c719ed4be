"""How the page presents algorithms: the categories and views that it has."""

from __future__ import annotations

#: The headings under which the page lists the functions.
CATEGORIES = (
    "Basics",
    "Communication",
    "Oracles",
    "Building blocks",
    "Transforms",
    "Estimation",
    "Arithmetic",
    "Optimization",
    "Chemistry",
    "Machine learning",
    "Other",
)

#: The fields of an answer that each of the page's views draws.
VIEWS: dict[str, tuple[str, ...]] = {
    "default": (),
    "emoticons": ("emoticons",),
    "values": ("values",),
    "matrix": ("matrix",),
    "convergence": ("convergence", "reference"),
    "graph": ("graph", "cut"),
}
