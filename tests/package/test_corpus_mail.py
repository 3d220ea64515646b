"""Mails: own words kept, quotes and signatures out, forwards in, and mails that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench import corpus
from workbench.corpus import mail
from workbench.corpus.text import Clean, Unreadable

HEAD = (
    "From: Ann Wick <ann@inn.example>\nTo: Bo Lind <bo@ferry.example>\n"
    "Date: Wed, 3 Jun 2026 10:02:00 +0200\n"
)


def read(body: str, subject: str = "Re: Rooms", fields: str = "", charset: str = "utf-8") -> Clean:
    """A plain mail as the reader gives it."""
    return mail.read(f"{HEAD}Subject: {subject}\n{fields}\n{body}".encode(charset))


def own(body: str, **settings: str) -> str:
    """The body of a plain mail, without the heading and the line with the names."""
    return read(body, **settings).text.split("\n\n", 2)[2].strip()


def test_header_becomes_title_and_metadata():
    clean = read("Twelve rooms.\n", subject="Re: AW: Rooms for\n the storm")
    assert clean.title == "Rooms for the storm"
    assert clean.metadata == {"from": "Ann Wick", "date": "2026-06-03"}
    first = "# Rooms for the storm\n\nFrom Ann Wick, to Bo Lind, 3 June 2026, 10:02.\n\n"
    assert clean.text == first + "Twelve rooms.\n"
    assert "ann@inn.example" in clean.raw and "ann@inn.example" not in clean.text


def test_reply_above_the_quote():
    announced = "On Tue, 2 Jun 2026 at 09:00, Bo Lind\n<bo@ferry.example> wrote:"
    body = f"Yes.\n\n{announced}\n\n> Rooms?\n>> Old\n"
    assert own(body) == "Yes."
    assert "> Rooms?" in read(body).raw


def test_reply_below_and_between_quotes():
    body = "Bo Lind wrote:\n> How many?\n\nTwelve.\n\n> How much?\n> And when?\n\n80 kr, at once.\n"
    assert own(body) == "Twelve.\n\n80 kr, at once."


@pytest.mark.parametrize(
    "line",
    [
        "Am 2. Juni 2026 um 09:00 schrieb Bo Lind:",
        "Den 2 juni 2026 skrev Bo Lind:",
        "Bo Lind wrote:",
    ],
)
def test_announcing_lines_of_other_programs(line):
    assert own(f"Yes.\n\n{line}\n> Rooms?\n") == "Yes."
    assert own(f"Yes.\n\n{line}\nRooms without a mark?\n") == "Yes."


def test_reply_in_the_manner_of_outlook():
    head = (
        "From: Bo Lind\nSent: Tuesday, 2 June 2026 09:00\nTo: Ann Wick\nSubject: Rooms\n\nRooms?\n"
    )
    assert own("Yes.\n\n" + head) == "Yes."
    assert own("Yes.\n\n-----Original Message-----\n" + head) == "Yes."
    assert own("Yes.\n\n________________________________\n" + head) == "Yes."


def test_quote_marks_in_a_mail_that_answers_nothing_stay():
    assert "> 20 m/s" in own("Stay in port at\n\n> 20 m/s\n", subject="Wind")


def test_mail_of_quotes_alone_keeps_them():
    assert own("Bo Lind wrote:\n> Twelve rooms.\n") == "Bo Lind wrote:\nTwelve rooms."


@pytest.mark.parametrize(
    "first", ["-- ", "--", "Kind regards", "Best wishes,", "Mit freundlichen Grüßen"]
)
def test_signatures_go(first):
    body = f"Twelve rooms.\n\n{first}\nAnn Wick\nThe Inn, Quay 1\n\nPhone 0700 555 100\n"
    assert own(body) == "Twelve rooms."


def test_what_stands_below_a_signature_stays():
    body = "Twelve.\n\nRegards\nAnn\n\nPS: The cat is well.\n"
    assert own(body) == "Twelve.\n\nPS: The cat is well."
    assert own("Ten.\n\nSent from my telephone\n") == "Ten."


def test_disclaimers_go_and_warnings_stay():
    legal = "This e-mail is confidential and intended only for the person named. Delete it."
    body = (
        f"Twelve.\n\nThis list is confidential.\n\n{legal}\n\nPlease think before you print this.\n"
    )
    assert own(body) == "Twelve.\n\nThis list is confidential."


def test_forwarded_message_is_content():
    body = (
        "For you.\n\n---------- Forwarded message ----------\n"
        "From: Cy Dahl, Yard <cy@yard.example>\n"
        "Date: Mon, 1 Jun 2026 at 08:00\nSubject: Fwd: Noise\nTo: Ann Wick\n\nIt is a rope.\n\n"
        "Regards\nCy\n\nFrom: Eva\nSent: Sunday\nTo: Cy\nSubject: Noise\n\nWhat is it?\n"
    )
    text = read(body, subject="Fwd: Noise").text
    assert (
        "## Forwarded: Noise\n\nFrom Cy Dahl, Yard, to Ann Wick. Mon, 1 Jun 2026 at 08:00." in text
    )
    assert text.startswith("# Noise") and "It is a rope." in text and "What is it?" in text
    assert "Regards" not in text


def test_forwarded_with_marks_and_attached_mail():
    fields = "> From: Cy\n> Date: Monday\n> Subject: Noise\n"
    marked = f"See.\n\nBegin forwarded message:\n\n{fields}>\n> A rope.\n"
    assert "A rope." in read(marked, subject="Noise").text
    inner = "From: Cy <cy@yard.example>\nSubject: Noise\n\nA rope.\n"
    whole = HEAD + "Subject: Two\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSee below.\n"
    whole += f"--b\nContent-Type: message/rfc822\n\n{inner}\n--b--\n"
    text = mail.read(whole.encode()).text
    assert "See below.\n\n## Forwarded: Noise\n\nFrom Cy" in text and "A rope." in text


def html(body: str, subject: str = "Rooms") -> str:
    head = f"{HEAD}Subject: {subject}\nContent-Type: text/html; charset=utf-8\n\n"
    return mail.read((head + body).encode()).text


def test_html_alone():
    text = html(
        "<h2>Prices</h2><table><tr><th>Room</th><th>kr</th></tr><tr><td>One</td><td>80</td></tr></table>"
        "<table role='presentation'><tr><td>Left</td><td>Right</td></tr></table>"
        "<p>Soup is included.</p><div class='gmail_signature'>Ann, The Inn</div>"
        "<blockquote type='cite'>What does it cost?</blockquote>"
    )
    assert "## Prices" in text and "| One | 80 |" in text and "Soup is included." in text
    assert "| Left" not in text and "Left" in text
    assert "The Inn" not in text and "cost" not in text


def test_html_of_a_quote_alone_keeps_it():
    assert "Twelve rooms" in html("<blockquote type='cite'>Twelve rooms</blockquote>")


@pytest.mark.parametrize(
    "plain, wanted", [("Twelve rooms and a cat", "cat"), ("See HTML", "twelve")]
)
def test_two_forms_of_one_text(plain, wanted):
    whole = (
        f"{HEAD}Subject: Rooms\nContent-Type: multipart/alternative; boundary=b\n\n--b\n"
        f"Content-Type: text/plain\n\n{plain}\n--b\nContent-Type: text/html\n\n"
        "<p>We have twelve rooms, all of them with a window</p>\n--b--\n"
    )
    text = mail.read(whole.encode()).text
    assert wanted in text and ("window" in text) is (wanted == "twelve")


def test_nested_parts_and_attachments_by_name():
    whole = (
        HEAD + "Subject: Rooms\nContent-Type: multipart/mixed; boundary=a\n\n--a\n"
        "Content-Type: multipart/related; boundary=b\n\n--b\n"
        "Content-Type: multipart/alternative; boundary=c\n\n--c\n"
        "Content-Type: text/plain\n\nTwelve.\n--c--\n--b--\n--a\nContent-Type: text/plain\n"
        "Content-Disposition: attachment; "
        "filename*=utf-8''f%C3%BCnf.txt\n\nSecret five\n--a\nContent-Type: application/pdf; "
        "name=list.pdf\n\nx\n--a--\n"
    )
    text = mail.read(whole.encode()).text
    assert "Twelve." in text and "Secret" not in text
    assert text.endswith("Attached, not read: fünf.txt, list.pdf.\n")


@pytest.mark.parametrize(
    "declared, real",
    [
        ("utf-8", "utf-8"),
        ("windows-1252", "cp1252"),
        ("iso-8859-1", "cp1252"),  # the commonest wrong one
        ("iso-8859-1", "utf-8"),
        ("utf-8", "cp1252"),
        ("x-unknown", "cp1252"),
        ("no such\x01thing", "utf-8"),
        ("utf-16", "utf-16"),
        ("", "cp1252"),
    ],
)
def test_declared_encodings_right_wrong_and_unknown(declared, real):
    field = f'Content-Type: text/plain; charset="{declared}"\n' if declared else ""
    head = f"{HEAD}Subject: Rooms\n{field}Content-Transfer-Encoding: 8bit\n\n"
    if real == "utf-16":
        from base64 import encodebytes

        data = head.replace("8bit", "base64").encode() + encodebytes("“Café” – Grüße".encode(real))
    else:
        data = head.encode() + "“Café” – Grüße".encode(real)
    assert "“Café” – Grüße" in mail.read(data).text


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_raw_bytes_in_header_lines(encoding):
    head = "From: Jörg Öberg <j@yard.example>\nSubject: Über den Lärm\nDate: no date\n\nLoud.\n"
    clean = mail.read(head.encode(encoding))
    assert clean.title == "Über den Lärm"
    assert clean.metadata == {"from": "Jörg Öberg"}


@pytest.mark.parametrize(
    "field, names",
    [
        ("Inn, Reception <a@b.example>, c@d.example", "Inn, Reception, c@d.example"),
        ('"Wick, Ann" <a@b.example>', "Wick, Ann"),
        ("a@b.example", "a@b.example"),
        ("=?iso-8859-1?q?J=FCrgen?= <j@yard.example>", "Jürgen"),
        ("<a@b.example", "a@b.example"),
        ("=?bad?x?y?=", "=?bad?x?y?="),
    ],
)
def test_names_in_address_fields(field, names):
    clean = mail.read(f"From: {field}\nSubject: x\n\nText.\n".encode())
    assert clean.metadata["from"] == names


def test_paragraphs_that_flow():
    field = "Content-Type: text/plain; format=flowed\n"
    body = "We have \ntwelve rooms.\n> Old \n> quote\n From the left.\n\nEnd \n\n-- \nAnn\n"
    assert own(body, fields=field) == "We have twelve rooms.\nFrom the left.\n\nEnd"


def test_line_ends_do_not_matter():
    body = "Twelve.\r\n\nBo Lind wrote:\r\n> Old\n\r\nAnd a cat.\n"
    clean = mail.read(f"{HEAD}Subject: Re: x\n\n{body}".replace("\n", "\r\n", 6).encode())
    assert clean.text.endswith("Twelve.\n\nAnd a cat.\n")


@pytest.mark.parametrize(
    "data, why",
    [
        (b"just a note\n", "not a mail"),
        (b"X-Thing: a\n\nText\n", "not a mail"),
        (HEAD.encode() + b"Subject: x\n\n \n", "a mail without text"),
        (
            HEAD.encode() + b"Content-Type: application/pdf; name=a.pdf\n\nxx\n",
            r"a mail without text \(attached: a.pdf\)",
        ),
        (HEAD.encode() + b"Content-Type: multipart/encrypted; boundary=b\n\n--b--\n", "encrypted"),
        (b"From: a\nSubject: x\n\n\x00\x01\x02\x00", "zero bytes"),
    ],
)
def test_mails_that_cannot_be_read(data, why):
    with pytest.raises(Unreadable, match=why):
        mail.read(data)


@pytest.mark.parametrize(
    "data",
    [
        b"From: a\nContent-Type: multipart/mixed\n\nNo boundary here.\n",
        b"From: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nNo end here.\n",
        b"From: a\nContent-Type: text/;;; charset\n\nOdd here.\n",
        b"From: a\nContent-Transfer-Encoding: base64\n\n***Odd here***\n",
        b"From: a\nContent-Type: text/plain\nContent-Transfer-Encoding: zip\n\nOdd here.\n",
    ],
)
def test_broken_mails_are_read_or_skipped_with_a_reason(data, tmp_path: Path):
    (tmp_path / "good.md").write_text("# Good\n", "utf-8")
    (tmp_path / "odd.eml").write_bytes(data)
    documents = corpus.load(tmp_path)
    assert len(documents) == 2 or documents.skipped[0][1].startswith("a ")
