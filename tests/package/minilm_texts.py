"""Two hundred varied texts for comparing two implementations of one embedding model."""

from __future__ import annotations

import random

SHORT = [
    "a",
    "Is the ferry late?",
    "No dogs on deck 3.",
    "   ",
    ".",
    "?!",
    "42",
    "£12.50",
    "N/A",
    "OK",
    "...",
    "()",
    "x" * 40,
    "ALL CARS MUST BE LOCKED",
    "e-mail: bookings@example.org",
    "https://example.org/fares?adult=2&child=1#return",
    "06:45–07:30",
    "tab\there",
    "line\nbreak",
    "snake_case_name",
]
FOREIGN = [
    "Der Fährhafen schließt um fünf Uhr früh.",
    "Où est l'arrêt du bus près de la jetée ?",
    "¿Cuánto cuesta llevar una bicicleta?",
    "Färjan går klockan åtta från Åland.",
    "Siglingin til Eyja tekur þrjár stundir.",
    "Łódź płynie na wschód, a żagiel drży.",
    "Паром отправляется в девять утра.",
    "フェリーは何時に出ますか。",
    "渡轮几点开？",
    "배는 언제 떠납니까?",
    "Το πλοίο φεύγει στις οκτώ.",
    "هل توجد عبارة غدا؟",
    "naïve café façade coöperate résumé",
    "ﬁne ligatures and ½ fractions ①②③",
    "emoji at sea ⛴️🌊 and a 🐶 on board",
    "“Curly quotes” — and ‘single’ ones… with an ellipsis",
    "Zürich\u00a0has no sea\u200b, only a lake",
    "e\u0301 written in two parts, and é in one",
    "μ = 0.5, Δt ≤ 3 s, 20 °C",
    "ĳsselmeer Ǆ ß İstanbul",
]
SUBJECTS = "the ferry|a late passenger|our harbour master|the refund desk|every driver|a cyclist"
VERBS = "waits for|may not board without|asks about|has cancelled|must pay for|will share"
OBJECTS = "the storm notice|a cabin with a view|two muzzled dogs|the last crossing|lashing points"
ENDS = "when the wind passes force nine|before 06:15 on weekdays|at Skerry pier, berth 2|for £14.20"


def texts() -> list[str]:
    """Short, foreign, middling and long ones (the last are beyond 256 tokens); always the same."""
    draw = random.Random(7)
    parts = [group.split("|") for group in (SUBJECTS, VERBS, OBJECTS, ENDS)]

    def sentence() -> str:
        return " ".join(draw.choice(part) for part in parts).capitalize() + "."

    middling = [" ".join(sentence() for _ in range(1 + i % 6)) for i in range(140)]
    long = [" ".join(sentence() for _ in range(20 + i)) for i in range(20)]
    return [*SHORT, *FOREIGN, *middling, *long]
