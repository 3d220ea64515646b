"""What the licences of the catalog's models allow, in a sentence each; no legal advice.

Open weights can be fetched. Open source, by the Open Source Definition (opensource.org/osd), also
leaves everyone free to use them for any purpose, which several licences of open weights do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import UnknownName

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Licence:
    """A licence: whether the Open Source Initiative approves it, and what it asks for."""

    name: str
    open_source: bool
    commercial_use: str  # yes, conditional, no or api-terms, as in models.csv
    terms: str


_LLAMA = "free below 700 million users a month, else ask Meta; its name must be shown"
_ALL = (
    Licence("Apache-2.0", True, "yes", "any use; keep the notices"),
    Licence("MIT", True, "yes", "any use; keep the notice"),
    Licence("Llama-3-Community", False, "conditional", _LLAMA),
    Licence("Llama-3.1-Community", False, "conditional", _LLAMA),
    Licence("Llama-3.2-Community", False, "conditional", _LLAMA),
    Licence("Gemma-Terms", False, "conditional", "rules for use, which you pass on to your users"),
    Licence("Qwen-Research", False, "no", "research only"),
    Licence("proprietary", False, "api-terms", "no weights; the provider's terms count"),
)
LICENCES = {licence.name: licence for licence in _ALL}


def get(license_id: str) -> Licence:
    """A licence by its name in the catalog; raises UnknownName for another."""
    if license_id not in LICENCES:
        raise UnknownName("licence", license_id, LICENCES)
    return LICENCES[license_id]


def table() -> pandas.DataFrame:
    """The licences in the catalog: what each asks for, and how many models come under it."""
    import pandas as pd

    from workbench import catalog

    models = catalog.models()
    counts = models["license_id"].value_counts()
    open_weights = set(models.loc[models["open_weights"] == "yes", "license_id"])
    return pd.DataFrame(
        {
            "licence": licence.name,
            "models": int(counts.get(licence.name, 0)),
            "open weights": "yes" if licence.name in open_weights else "no",
            "open source": "yes" if licence.open_source else "no",
            "commercial use": licence.commercial_use,
            "terms in short": licence.terms,
        }
        for licence in _ALL
    )
