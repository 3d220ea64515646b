"""Exercises that answer: checks of the learner's own objects, hints in steps, and progress.

In a notebook::

    from workbench import labs

    labs.check("01.1", kv_cache_bytes)   # passed, or a question about what went wrong
    labs.hint("01.1")                    # the next hint
    labs.reveal("01.1")                  # a solution, when you have decided to see one

Nothing here raises at a learner: whatever is wrong is said in a sentence. What was done is kept in
the user's state folder and sent nowhere.
"""

from __future__ import annotations

from workbench.labs.checking import check
from workbench.labs.help import hint, reveal

__all__ = ["check", "hint", "reveal"]
