"""Cards, calendars, books and mark-up by vobject, icalendar and EbookLib."""

import datetime as dt
from pathlib import Path

import facts


def vcard(out, version):
    import vobject

    with Path(out).open("w", newline="") as stream:
        for name, family, given in ((facts.AUTHOR, "Müller", "Zoë"), (facts.EDITOR, "Петров", "Иван")):
            card = vobject.vCard()
            card.add("n").value = vobject.vcard.Name(family=family, given=given, prefix="Dr.")
            card.add("fn").value = name
            for kind, value in (
                ("email", "z@example.org"),
                ("tel", "+43 1 234"),
                ("url", "https://example.org/"),
                ("note", facts.COMMENTS),
                ("bday", "1980-02-03"),
                ("title", "Köchin"),
                ("rev", "20210504T120000Z"),
                ("geo", "48.2;16.37"),
                ("uid", "urn:uuid:1"),
            ):
                card.add(kind).value = value
            card.tel.type_param = ["WORK", "VOICE"]
            card.add("org").value = [facts.COMPANY, "Küche"]
            card.add("categories").value = ["Büro", "友"]
            card.add("adr").value = vobject.vcard.Address(
                street="Ring 1", city="Wien", code="1010", country="Österreich"
            )
            card.add("photo").value = b"\x89PNG"
            card.photo.encoding_param, card.photo.type_param = "B", "PNG"
            text = card.serialize()
            stream.write(text if version == "3" else text.replace("VERSION:3.0", "VERSION:4.0"))


def ics(out):
    import icalendar

    calendar = icalendar.Calendar()
    for name, value in (
        ("prodid", "-//Acme//Made//DE"),
        ("version", "2.0"),
        ("method", "PUBLISH"),
        ("x-wr-calname", facts.TITLE),
        ("x-wr-timezone", "Europe/Vienna"),
        ("calscale", "GREGORIAN"),
    ):
        calendar.add(name, value)
    event, todo, journal = icalendar.Event(), icalendar.Todo(), icalendar.Journal()
    for each, number in ((event, 1), (todo, 2), (journal, 3)):
        each.add("uid", f"{number}@example.org")
        each.add("dtstamp", facts.MODIFIED)
        each.add("created", facts.CREATED)
        each.add("summary", f"{facts.TITLE} {number}")
        each.add("categories", ["Büro", "友"])
        each.add("dtstart", facts.CREATED)
    event.add("dtend", facts.CREATED + dt.timedelta(hours=2))
    event.add("location", "Wien; Ring 1, Österreich")
    event.add("geo", (48.2, 16.37))
    event.add("rrule", {"freq": "weekly", "byday": ["MO", "WE"], "until": facts.MODIFIED})
    event.add("description", facts.COMMENTS * 4)
    event.add("priority", 3)
    event.add("class", "PRIVATE")
    guest = icalendar.vCalAddress("mailto:ivan@example.org")
    guest.params["cn"], guest.params["partstat"] = icalendar.vText(facts.EDITOR), icalendar.vText("ACCEPTED")
    event.add("attendee", guest, encode=0)
    event.add("organizer", "mailto:zoe@example.org")
    event.add("exdate", [facts.PRINTED])
    alarm = icalendar.Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", dt.timedelta(minutes=-15))
    alarm.add("description", "!")
    event.add_component(alarm)
    todo.add("due", dt.date(2022, 1, 2))
    todo.add("percent-complete", 40)
    todo.add("status", "IN-PROCESS")
    for each in (event, todo, journal):
        calendar.add_component(each)
    with Path(out).open("wb") as stream:
        stream.write(calendar.to_ical())


def epub(out, version="3"):
    from ebooklib import epub as books

    book = books.EpubBook()
    book.set_identifier("urn:isbn:9783161484100")
    book.set_title(facts.TITLE)
    book.set_language("de-AT")
    book.add_author(facts.AUTHOR, file_as="Müller, Zoë", role="aut", uid="creator")
    book.add_author(facts.EDITOR, role="edt", uid="editor")
    for name, value in (
        ("publisher", facts.COMPANY),
        ("description", facts.COMMENTS),
        ("subject", "naïve"),
        ("subject", "日本語"),
        ("rights", "© 2021"),
        ("date", "2019-02-03"),
        ("source", "urn:x"),
        ("coverage", "Wien"),
        ("relation", "r"),
        ("type", "Text"),
        ("contributor", facts.MANAGER),
    ):
        book.add_metadata("DC", name, value)
    book.add_metadata(None, "meta", "Reihe", {"property": "belongs-to-collection", "id": "c1"})
    book.add_metadata(None, "meta", "3", {"property": "group-position", "refines": "#c1"})
    book.add_metadata(None, "meta", "", {"name": "calibre:series", "content": "Reihe – 系列"})
    book.set_cover("cover.png", __import__("office").picture().getvalue())
    chapters = []
    for number, text in enumerate(facts.TEXT):
        chapter = books.EpubHtml(title=f"{number}. {text[:9]}", file_name=f"c{number}.xhtml", lang="de")
        chapter.content = f"<h1>{number}</h1><p>{text}</p>"
        book.add_item(chapter)
        chapters.append(chapter)
    book.toc = chapters
    book.add_item(books.EpubNcx())
    book.add_item(books.EpubNav())
    book.spine = ["nav", *chapters]
    book.direction = "rtl"
    books.write_epub(out, book, {"epub3_pages": False, "mtime": facts.MODIFIED})
