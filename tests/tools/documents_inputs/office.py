"""Office documents by python-docx, openpyxl, XlsxWriter, python-pptx, odfpy, xlwt and PyRTF."""

import datetime as dt
import io
import os
from pathlib import Path

import facts


def picture(kind="PNG"):
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (16, 12), "teal").save(out, kind)
    out.seek(0)
    return out


def _core(core):
    core.title, core.subject, core.author = facts.TITLE, facts.SUBJECT, facts.AUTHOR
    core.keywords, core.comments, core.category = facts.KEYWORDS, facts.COMMENTS, facts.CATEGORY
    core.last_modified_by, core.language, core.version = facts.EDITOR, "de-AT", "1.2"
    core.identifier, core.content_status, core.revision = "urn:id:42", "Draft", 17
    core.created, core.modified, core.last_printed = map(
        facts.plain, (facts.CREATED, facts.MODIFIED, facts.PRINTED)
    )


def docx_rich(out):
    import docx
    from docx.shared import Cm

    document = docx.Document()
    _core(document.core_properties)
    document.add_heading(facts.TITLE, 0)
    paragraphs = [document.add_paragraph(text) for text in facts.TEXT]
    document.add_comment(paragraphs[0].runs, "Bitte prüfen", author="Ana López", initials="AL")
    document.add_picture(picture(), width=Cm(2))
    table = document.add_table(2, 2)
    table.cell(0, 0).text = "いろは"
    document.sections[0].header.paragraphs[0].text = "Kopfzeile"
    document.add_page_break()
    document.add_heading("Zwei", 1)
    document.save(out)


def docx_default(out):
    import docx

    document = docx.Document()
    document.add_paragraph("Only defaults.")
    document.save(out)


def docm(out):
    import docx
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part

    document = docx.Document()
    _core(document.core_properties)
    document.add_paragraph("With macros.")
    with Path(os.environ["VBA"]).open("rb") as stream:
        code = Part(PackURI("/word/vbaProject.bin"), "application/vnd.ms-office.vbaProject", stream.read())
    document.part.relate_to(code, "http://schemas.microsoft.com/office/2006/relationships/vbaProject")
    document.part._content_type = "application/vnd.ms-word.document.macroEnabled.main+xml"
    document.save(out)


def docx_template(out):
    """docxtpl fills a document of python-docx."""
    import docx
    import docxtpl

    source = io.BytesIO()
    blank = docx.Document()
    blank.core_properties.title = "{{ title }}"
    blank.add_paragraph("{{ text }}")
    blank.save(source)
    template = docxtpl.DocxTemplate(source)
    template.render({"title": facts.TITLE, "text": facts.TEXT[2]})
    template.save(out)


def xlsx_openpyxl(out):
    import openpyxl
    from openpyxl.chart import BarChart, Reference
    from openpyxl.comments import Comment
    from openpyxl.drawing.image import Image
    from openpyxl.packaging import custom
    from openpyxl.workbook.defined_name import DefinedName

    book = openpyxl.Workbook()
    told = book.properties
    told.title, told.subject, told.creator, told.keywords = (
        facts.TITLE,
        facts.SUBJECT,
        facts.AUTHOR,
        facts.KEYWORDS,
    )
    told.description, told.category, told.lastModifiedBy = facts.COMMENTS, facts.CATEGORY, facts.EDITOR
    told.created, told.lastPrinted = facts.plain(facts.CREATED), facts.plain(facts.PRINTED)
    told.contentStatus, told.language, told.version, told.revision = "Final", "fr-FR", "2.0", "5"
    told.identifier = "urn:id:43"
    for each in (
        custom.StringProperty(name="Client", value="Ðrøn & Co"), custom.IntProperty(name="Größe", value=-42),
        custom.FloatProperty(name="Ratio", value=2.5), custom.BoolProperty(name="Checked", value=True),
        custom.DateTimeProperty(name="Due", value=facts.plain(facts.PRINTED)),
        custom.LinkProperty(name="Source", value="Gesamt"),
    ):  # fmt: skip
        book.custom_doc_props.append(each)
    sheet = book.active
    sheet.title = "Umsätze"
    for row in (("Größe", 1.5), ("いろは", 2), (dt.date(2020, 1, 2), "=SUM(B1:B2)")):
        sheet.append(row)
    sheet["A1"].comment = Comment("Bitte prüfen", "Ana López")
    sheet["A2"].hyperlink = "https://example.org/é"
    sheet.protection.set_password("secret")
    sheet.add_image(Image(picture()), "D1")
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=2))
    sheet.add_chart(chart, "D5")
    for name, state in (("Данные", "hidden"), ("Sehr geheim", "veryHidden")):
        book.create_sheet(name).sheet_state = state
    book.create_chartsheet("Bild")
    book.defined_names["Gesamt"] = DefinedName("Gesamt", attr_text="'Umsätze'!$B$1:$B$3")
    book.save(out)


def xlsx_default(out):
    import openpyxl

    book = openpyxl.Workbook()
    book.template = True
    book.active["A1"] = 1
    book.save(out)


def xlsx_writer(out, macros=""):
    import xlsxwriter

    with xlsxwriter.Workbook(out) as book:
        told = {
            "title": facts.TITLE, "subject": facts.SUBJECT, "author": facts.AUTHOR, "manager": facts.MANAGER,
            "company": facts.COMPANY, "category": facts.CATEGORY, "keywords": facts.KEYWORDS,
            "comments": facts.COMMENTS, "status": "Quo", "hyperlink_base": "https://example.org/",
            "created": facts.plain(facts.CREATED),
        }  # fmt: skip
        book.set_properties(told)
        book.set_custom_property("Checked by", "Eve & Ève")
        book.set_custom_property("Document number", 12345)
        book.set_custom_property("Reference", 1.2345)
        book.set_custom_property("Has review", value=True)
        book.set_custom_property("Signed", facts.plain(facts.PRINTED))
        sheet, hidden = book.add_worksheet("Übersicht"), book.add_worksheet("Verborgen")
        hidden.hide()
        sheet.write_row(0, 0, ["Größe", 1, 2.5])
        sheet.write_comment("A1", "Kommentar", {"author": facts.EDITOR})
        sheet.insert_image("E1", "picture.png", {"image_data": picture()})
        sheet.add_table(3, 0, 5, 1, {"name": "Tabelle"})
        book.define_name("Alles", "=Übersicht!$A$1:$C$1")
        book.read_only_recommended()
        if macros:
            book.add_vba_project(os.environ["VBA"])
            sheet.insert_button("B3", {"macro": "say_hello", "caption": "Press Me"})


def pptx_rich(out):
    import pptx
    from pptx.util import Inches

    show = pptx.Presentation()
    _core(show.core_properties)
    show.slide_width = Inches(13.333)
    for index, text in enumerate(facts.TEXT):
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = text
        slide.placeholders[1].text = f"Punkt {index}"
        slide.notes_slide.notes_text_frame.text = "Langsam sprechen – 慢慢"
    slide.shapes.add_picture(picture("JPEG"), 0, 0).name = "Bild"
    slide.shapes.add_table(2, 2, 0, 0, Inches(2), Inches(1))
    slide._element.set("show", "0")
    show.save(out)


def pptx_default(out):
    import pptx

    show = pptx.Presentation()
    show.slides.add_slide(show.slide_layouts[6])
    show.save(out)


def _odf(document):
    from odf import dc, meta

    at = facts.CREATED.strftime("%Y-%m-%dT%H:%M:%S")
    for element, text in (
        (dc.Title(), facts.TITLE), (dc.Subject(), facts.SUBJECT), (dc.Creator(), facts.EDITOR),
        (dc.Description(), facts.COMMENTS), (dc.Language(), "uk"), (dc.Date(), "2021-05-04T12:00:00.123456789"),
        (meta.InitialCreator(), facts.AUTHOR), (meta.Keyword(), "naïve"), (meta.Keyword(), "日本語"),
        (meta.CreationDate(), at), (meta.EditingCycles(), "3"), (meta.EditingDuration(), "PT1H2M3S"),
        (meta.PrintedBy(), facts.MANAGER), (meta.PrintDate(), at),
        (meta.UserDefined(name="Client"), "Ðrøn & Co"),
        (meta.UserDefined(name="Amount", valuetype="float"), "1.5"),
        (meta.UserDefined(name="Checked", valuetype="boolean"), "true"),
        (meta.UserDefined(name="Wait", valuetype="time"), "PT5M"),
    ):  # fmt: skip
        element.addText(text)
        document.meta.addElement(element)
    document.meta.addElement(meta.DocumentStatistic(pagecount=2, wordcount=34, charactercount=256))


def odt_odfpy(out):
    from odf import text
    from odf.opendocument import OpenDocumentText

    document = OpenDocumentText()
    _odf(document)
    for each in facts.TEXT:
        document.text.addElement(text.P(text=each))
    document.save(out)


def ods_odfpy(out):
    from odf import table, text
    from odf.opendocument import OpenDocumentSpreadsheet

    document = OpenDocumentSpreadsheet()
    _odf(document)
    sheet, row, cell = table.Table(name="Umsätze"), table.TableRow(), table.TableCell()
    cell.addElement(text.P(text="Größe"))
    row.addElement(cell)
    sheet.addElement(row)
    document.spreadsheet.addElement(sheet)
    document.save(out)


def odp_odfpy(out):
    from odf import draw, style
    from odf.opendocument import OpenDocumentPresentation

    document = OpenDocumentPresentation()
    _odf(document)
    layout = style.PageLayout(name="L")
    document.automaticstyles.addElement(layout)
    document.masterstyles.addElement(style.MasterPage(name="M", pagelayoutname=layout))
    for name in ("Eins", "二"):
        document.presentation.addElement(draw.Page(name=name, masterpagename="M"))
    document.save(out)


def xls_xlwt(out, encoding="utf-8"):
    import xlwt

    book = xlwt.Workbook(encoding=encoding)
    book.owner, book.country_code = "Zoe Mueller", 43
    for name, visibility in (("Umsätze", 0), ("Данные", 1), ("Geheim", 2)):
        sheet = book.add_sheet(name)
        sheet.write(0, 0, facts.TEXT[2])
        sheet.visibility = visibility
    book.get_sheet(0).write(1, 0, xlwt.Formula("1+2"))
    book.get_sheet(0).protect = True
    book.save(out)


def rtf_pyrtf(out):
    from PyRTF.document.section import Section
    from PyRTF.Elements import Document

    document = Document()
    document.SetTitle("A title")
    document.Sections.append(Section())
    document.Sections[0].append("Pack my box with five dozen liquor jugs.")
    with Path(out).open("w") as stream:
        document.write(stream)


def msg_rich(out):
    from aspose.email_foss import msg

    inner = msg.MapiMessage.create("Inner – вложение", "The inner text")
    letter = msg.MapiMessage.create(facts.TITLE, "\r\n".join(facts.TEXT))
    ids = msg.PropertyId
    letter.body_html = "<p>Grüße</p>"
    for name, value in (
        ("SENDER_NAME", facts.AUTHOR), ("SENDER_EMAIL_ADDRESS", "zoe@example.org"), ("SENDER_ADDRTYPE", "SMTP"),
        ("SENT_REPRESENTING_NAME", facts.EDITOR), ("INTERNET_MESSAGE_ID", "<1@example.org>"),
        ("CLIENT_SUBMIT_TIME", facts.CREATED), ("MESSAGE_DELIVERY_TIME", facts.MODIFIED), ("IMPORTANCE", 2),
        ("SENSITIVITY", 2), ("TRANSPORT_MESSAGE_HEADERS", "Received: by x\r\nX-Mailer: Aspose\r\n"),
        ("CONVERSATION_TOPIC", "Bericht"), ("IN_REPLY_TO_ID", "<0@example.org>"),
    ):  # fmt: skip
        key = getattr(ids, name, None) or getattr(msg.CommonMessagePropertyId, name, None)
        if key is not None:
            letter.set_property(key, value)
    letter.add_recipient("ivan@example.org", display_name=facts.EDITOR)
    letter.add_recipient("ana@example.org", display_name=facts.MANAGER, recipient_type=msg.RECIPIENT_TYPE_CC)
    letter.add_recipient("b@example.org", recipient_type=msg.RECIPIENT_TYPE_BCC)
    letter.add_attachment("Übersicht.png", picture().getvalue(), mime_type="image/png", content_id="p1")
    letter.add_embedded_message_attachment(inner, filename="inner.msg")
    letter.save(out)


def msg_ascii(out):
    from aspose.email_foss import msg

    letter = msg.MapiMessage.create("Plain", "Hello", unicode_strings=False)
    letter.add_recipient("ivan@example.org", display_name="Ivan")
    letter.save(out)


def msg_from_mail(out, source):
    import email
    from email import policy

    from aspose.email_foss import msg

    with Path(source).open("rb") as stream:
        letter = email.message_from_binary_file(stream, policy=policy.default)
    msg.MapiMessage.from_email_message(letter).save(out)
