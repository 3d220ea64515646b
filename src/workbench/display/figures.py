"""Figures with the workbench's style and a text for those who cannot see them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MplFigure

#: The Okabe-Ito colours by name, in the order in which the style uses them.
PALETTE = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "black": "#000000",
    "yellow": "#F0E442",
}


def style() -> None:
    """Use the workbench's look for every matplotlib figure from here on."""
    import matplotlib.pyplot as plt

    with resources.as_file(resources.files("workbench") / "workbench.mplstyle") as path:
        plt.style.use(path)


@dataclass(frozen=True)
class Figure:
    """A drawn figure as PNG, with its alternative text."""

    png: bytes = field(repr=False)
    alt: str
    width: int

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        """HTML for JupyterLab, which shows plain PNGs without their text; PNG for the rest."""
        data = base64.b64encode(self.png).decode("ascii")
        image = (
            f'<img alt="{escape(self.alt)}" width="{self.width}" style="max-width:100%;height:auto;'
            f'background:#fff;border-radius:6px" src="data:image/png;base64,{data}">'
        )
        bundle = {"text/html": image, "image/png": data, "text/plain": f"Figure: {self.alt}"}
        return bundle, {"image/png": {"alt": self.alt, "width": self.width}}

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"


def figure(fig: MplFigure | Any, alt: str) -> Figure:
    """A matplotlib figure (or an Axes) as a display object; the figure is closed, so it shows once.

    ``alt`` says in a sentence or two what the figure shows. Raises BadInput when it is missing.
    """
    if not alt.strip():
        raise BadInput(
            "the figure has no alternative text", "say in one sentence what it shows: alt=…"
        )
    import matplotlib.pyplot as plt

    fig = getattr(fig, "figure", fig)
    target = io.BytesIO()
    fig.savefig(target, format="png")
    plt.close(fig)
    png = target.getvalue()
    pixels = int.from_bytes(png[16:20], "big")  # the width in a PNG's header
    return Figure(png, " ".join(alt.split()), round(pixels * 96 / plt.rcParams["savefig.dpi"]))
