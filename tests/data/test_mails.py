"""The correspondence: made again byte for byte, read right, and with what was planted in it."""

from __future__ import annotations

import re
import subprocess

import pytest

PLANTED = {
    "mail-holt-ticket": ["Maren Holt", "0700 555 761", "4417 0093 2288", "hip operation"],
    "mail-terrin-passport": ["Odd Terrin", "14 March 1959", "X4471902"],
    "mail-complaints-run": [
        "Ines Vaule",
        "0700 555 382",
        "Netmakers' Row 9",
        "ruben.askarsen@mail.example",
        "8841",
        "SK7Q4M2",
        "Tobias Quill",
    ],
    "mail-night-handover": ["Petra Lunde", "epilepsy", "302"],
    "lost-property-log-2026-06": ["Birgit Saltway", "0700 555 905", "hearing aid"],
    "mail-tide-tours": ["AI assistants", "TIDE-FREE"],
}


@pytest.fixture(scope="module")
def mails(documents):
    return [document for document in documents.values() if document.kind == "mail"]


def test_made_again_byte_for_byte(data, script, tmp_path):
    script("mails").main(tmp_path)
    made = sorted(tmp_path.iterdir())
    assert len(made) == 16
    assert all(path.read_bytes() == (data / "corpus" / path.name).read_bytes() for path in made)


def test_git_leaves_their_line_ends(data):
    names = [*data.glob("corpus/*.eml"), data / "corpus" / "shift-log-2026-06-27.txt"]
    command = ["git", "check-attr", "text", "--", *map(str, names)]
    told = subprocess.run(command, cwd=data, capture_output=True, text=True, check=True).stdout
    assert told.count("text: unset") == len(names)
    assert re.search(rb"[^\r]\n.*\r\n", names[-1].read_bytes(), re.DOTALL)  # two kinds in one file


def test_as_messy_as_mail_is(data):
    whole = b"".join(path.read_bytes() for path in data.glob("corpus/*.eml"))
    for sign in (b"base64", b"quoted-printable", b"windows-1252", b"iso-8859-1", b"text/html"):
        assert sign in whole
    tides = (data / "corpus" / "mail-gannet-tides.eml").read_bytes()
    assert b"charset" not in tides and b"\x92" in tides  # an undeclared Windows-1252 apostrophe


def test_quotes_signatures_and_disclaimers_are_in_the_raw_text_alone(mails):
    assert len(mails) == 14
    taken_out = {
        "mail-storm-hotel-agreement": ["560 kr", "Tollgate 11", "liability for viruses"],
        "mail-council-last-ship": ["at 22:00", "Terminal Quay 4", "consider the environment"],
        "mail-bus-connections": ["napkin", "Henning Aas", "intended solely"],
        "mail-eider-propeller": ["Forty crowns", "20 mm", "Freundlichen"],
        "mail-school-class-trip": ["400 kr", "27 pupils"],
        "mail-union-night-work": ["52 kr", "extension", "lost coats"],
        "mail-bicycle-insurance": ["41,300 kr", "old policy", "intended solely"],
        "mail-galley-allergens": ["legally privileged", "Cold Store Road"],
        "mail-tide-tours": ["Unsubscribe"],
    }
    by_name = {mail.id: mail for mail in mails}
    for name, words in taken_out.items():
        assert not [word for word in words if word in by_name[name].text], name
        assert words[0] in by_name[name].raw, name
    for mail in mails:
        assert not re.search(r"^>|wrote:|intended recipient|^--", mail.text, re.MULTILINE), mail.id
        assert "�" not in mail.text and not re.search("[\x80-\x9f]", mail.text), mail.id
        assert set(mail.metadata) == {"from", "date"}, mail.id


def test_forwarded_messages_and_replies_between_quotes_are_kept(documents):
    assert "Article 166, cardamom buns" in documents["mail-galley-allergens"].text
    assert "850 kr for each Friday" in documents["mail-council-last-ship"].text
    assert documents["mail-council-last-ship"].text.count("Müller-Åsgård") == 1
    assert documents["mail-galley-allergens"].text.endswith("nordvik-allergens-2026-06.pdf.\n")
    assert "| S5 | 16 minutes | 75 minutes |" in documents["mail-bus-connections"].text


@pytest.mark.parametrize("name", PLANTED)
def test_what_must_not_come_out_is_in_it(documents, name):
    assert all(words in documents[name].text for words in PLANTED[name])


def test_there_is_enough_to_read(documents, mails):
    texts = [d for d in documents.values() if d.kind == "text" and d.id != "islander-card"]
    assert len(texts) >= 5
    assert sum(len(document.text.split()) for document in [*mails, *texts]) >= 6_000


def test_odd_text_files_read_right(documents):
    assert "islanders’ lane" in documents["islander-card-2025"].text
    assert "\r" not in documents["shift-log-2026-06-27"].text
    assert documents["shift-log-2026-06-27"].text.count("## ") == 5
