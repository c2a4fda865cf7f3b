"""PDFs by pikepdf (qpdf), reportlab, pypdf, fpdf2, PyMuPDF, PDFium and borb."""

import facts
import office

XMP = {
    "dc:title": facts.TITLE, "dc:creator": [facts.AUTHOR, facts.EDITOR], "dc:description": facts.COMMENTS,
    "dc:subject": {"naïve", "日本語"}, "dc:rights": "© Acme", "dc:language": {"de"}, "pdf:Keywords": facts.KEYWORDS,
    "pdf:Producer": "pikepdf", "xmp:CreateDate": "2019-02-03T04:05:06+01:00", "xmp:CreatorTool": "Hand",
    "xmp:Rating": "4", "xmpMM:DocumentID": "uuid:1", "pdfaid:part": "2", "pdfaid:conformance": "B",
    "photoshop:City": "Wien",
}  # fmt: skip


def report(out, **options):
    """reportlab: outlines, form fields, links, labels; options go to the canvas."""
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen import canvas

    page = canvas.Canvas(str(out), pagesize=A4, invariant=1, **options)
    page.setTitle(facts.TITLE)
    page.setAuthor(facts.AUTHOR)
    page.setSubject(facts.SUBJECT)
    page.setKeywords([facts.KEYWORDS])
    page.setCreator("Hand")
    page.setProducer("ReportLab")
    page.setViewerPreference("DisplayDocTitle", "true")
    page.setPageTransition("Dissolve", 2)
    pdfmetrics.registerFont(UnicodeCIDFont("HeiseiMin-W3"))
    for index, text in enumerate(facts.TEXT):
        page.bookmarkPage(f"p{index}")
        page.addOutlineEntry(text, f"p{index}", level=min(index, 1))
        page.setFont("HeiseiMin-W3", 12)
        page.drawString(72, 700, text)
        if index == 1:
            page.setPageSize(landscape(A4))
            page.linkURL("https://example.org/é", (72, 600, 200, 620))
            page.drawImage(ImageReader(office.picture()), 72, 400, 40, 30)
            page.acroForm.textfield(name="Name", tooltip="Ihr Name", value="Zoë", x=72, y=300)
            page.acroForm.checkbox(name="Ja", checked=True, x=72, y=250)
        page.showPage()
    page.showOutline()
    page.save()


def reportlab_rich(out):
    report(out, pdfVersion=(1, 5), lang="de-AT")


def reportlab_rc4(out):
    from reportlab.lib.pdfencrypt import StandardEncryption

    report(out, encrypt=StandardEncryption("", "owner", canPrint=0, canCopy=0, strength=128))


def _base(kind="pikepdf"):
    import io

    out = io.BytesIO()
    from reportlab.pdfgen import canvas

    page = canvas.Canvas(out, pagesize=(300, 200), invariant=1)
    page.drawString(20, 100, f"Made for {kind}")
    page.showPage()
    page.save()
    out.seek(0)
    return out


def _pike(*, xmp=True):
    import pikepdf

    pdf = pikepdf.open(_base())
    pdf.docinfo.update({
        "/Title": facts.TITLE, "/Author": facts.AUTHOR, "/Subject": facts.SUBJECT, "/Keywords": facts.KEYWORDS,
        "/Creator": "Hand", "/Producer": "pikepdf", "/CreationDate": "D:20190203040506+01'00'",
        "/ModDate": "D:20210504120000Z", "/Trapped": pikepdf.Name.False_, "/Größe": "sehr groß", "/Client": "Co",
    })  # fmt: skip
    if xmp:
        with pdf.open_metadata(set_pikepdf_as_editor=False) as meta:
            for name, value in XMP.items():
                meta[name] = value
    return pdf


def _save(pdf, out, **options):
    pdf.save(out, deterministic_id="encryption" not in options, **options)


def pike_rich(out):
    import pikepdf

    pdf = _pike()
    for name in ("Übersicht.txt", "data.csv"):
        told = {
            "mime_type": "text/plain",
            "creation_date": "D:20190203040506Z",
            "mod_date": "D:20210504120000Z",
        }
        pdf.attachments[name] = pikepdf.AttachedFileSpec(
            pdf, b"a,b\n", filename=name, description="Anhang", relationship=pikepdf.Name.Data, **told
        )
    with pdf.open_outline() as outline:
        outline.root.extend(pikepdf.OutlineItem(text, 0) for text in facts.TEXT)
    root = pdf.Root
    root.Lang, root.PageMode, root.PageLayout = "de-AT", pikepdf.Name.UseOutlines, pikepdf.Name.TwoPageRight
    root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert('Grüß Gott');")
    root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True, Direction=pikepdf.Name.R2L)
    root.PageLabels = pikepdf.Dictionary(Nums=[0, pikepdf.Dictionary(S=pikepdf.Name.r, P="A-", St=3)])
    root.MarkInfo = pikepdf.Dictionary(Marked=True)
    page = pdf.pages[0]
    page.rotate(90, relative=False)
    page.CropBox, page.UserUnit = [10, 10, 200, 150], 2
    _save(pdf, out)


def pike_linearized(out):
    _save(_pike(), out, linearize=True)


def pike_objects(out):
    import pikepdf

    _save(_pike(), out, object_stream_mode=pikepdf.ObjectStreamMode.generate, force_version="1.7")


def pike_docinfo_only(out):
    _save(_pike(xmp=False), out, force_version="1.3")


def pike_aes256(out, user=""):
    import pikepdf

    allowed = pikepdf.Permissions(print_highres=False, extract=False, modify_form=False)
    secret = pikepdf.Encryption(user=user, owner="owner", R=6, allow=allowed)
    _save(_pike(), out, encryption=secret)


def pike_plain_metadata(out):
    import pikepdf

    secret = pikepdf.Encryption(user="secret", owner="owner", R=4, aes=True, metadata=False)
    _save(_pike(), out, encryption=secret)


def pike_portfolio(out):
    import pikepdf

    pdf = _pike()
    pdf.attachments["inner.pdf"] = pikepdf.AttachedFileSpec(pdf, _base().getvalue(), filename="inner.pdf")
    pdf.Root.Collection = pikepdf.Dictionary(View=pikepdf.Name.T, D="inner.pdf")
    _save(pdf, out, force_version=("1.7", 8))


def _pypdf(*, pages=1):
    import pypdf

    writer = pypdf.PdfWriter()
    for index in range(pages):
        writer.append(_base(f"pypdf {index}"))
    writer.add_metadata({
        "/Title": facts.TITLE, "/Author": facts.AUTHOR, "/Subject": facts.SUBJECT, "/Keywords": facts.KEYWORDS,
        "/CreationDate": "D:20190203040506-05'00'", "/ModDate": "D:20210504120000Z", "/Company": facts.COMPANY,
    })  # fmt: skip
    return writer


def pypdf_rich(out):
    from pypdf import annotations
    from pypdf.actions import JavaScript

    writer = _pypdf(pages=3)
    writer.add_attachment("naïve.txt", "Grüße".encode())
    first = writer.add_outline_item("Erstes", 0)
    writer.add_outline_item("第二", 1, parent=first)
    writer.add_open_action(JavaScript("app.alert('Hallo');"))
    note = annotations.Text(text="Bitte prüfen", rect=(50, 50, 80, 80), open=True)
    writer.add_annotation(0, note)
    writer.add_annotation(1, annotations.Link(rect=(0, 0, 50, 50), url="https://example.org/"))
    writer.page_layout, writer.page_mode = "/TwoColumnLeft", "/UseThumbs"
    writer.set_page_label(0, 1, style="/R", prefix="V-")
    writer.write(out)


def pypdf_encrypted(out, algorithm, user=""):
    from pypdf.constants import UserAccessPermissions as May

    writer = _pypdf()
    writer.encrypt(user, "owner", permissions_flag=May.PRINT | May.EXTRACT, algorithm=algorithm)
    writer.write(out)


def pypdf_incremental(out):
    import io

    import pypdf

    old = io.BytesIO()
    _pypdf().write(old)
    writer = pypdf.PdfWriter(old, incremental=True)
    writer.add_metadata({"/Title": "Newer title – 新", "/ModDate": "D:20220101000000Z"})
    writer.add_blank_page(100, 100)
    writer.write(out)


def fpdf_rich(out):
    import fpdf

    pdf = fpdf.FPDF(orientation="L", format="A5")
    pdf.set_title(facts.TITLE)
    pdf.set_author(facts.AUTHOR)
    pdf.set_subject(facts.SUBJECT)
    pdf.set_keywords(facts.KEYWORDS)
    pdf.set_creator("Hand")
    pdf.set_lang("de")
    pdf.set_creation_date(facts.CREATED)
    pdf.set_xmp_metadata(
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" rdf:about="">'
        '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">XMP title é</rdf:li></rdf:Alt></dc:title></rdf:Description>'
    )
    pdf.add_page()
    pdf.set_font("Helvetica", size=14)
    pdf.start_section("Anfang")
    pdf.cell(text="Zwölf Boxkämpfer", link="https://example.org/")
    pdf.text_annotation(20, 20, "Bitte prüfen", title="Ana")
    pdf.embed_file(basename="note.txt", bytes=b"hello", desc="Notiz", creation_date=facts.CREATED)
    pdf.image(office.picture("JPEG"), w=20, alt_text="A square")
    pdf.add_page(orientation="P")
    pdf.output(out)


def mupdf_rich(out, **options):
    import pymupdf

    pdf = pymupdf.open()
    for text in facts.LATIN:
        pdf.new_page(width=400, height=300).insert_text((50, 50), text)
    pdf.set_metadata({
        "title": facts.TITLE, "author": facts.AUTHOR, "subject": facts.SUBJECT, "keywords": facts.KEYWORDS,
        "creator": "Hand", "producer": "MuPDF", "creationDate": "D:20190203040506+09'30'",
        "modDate": "D:20210504120000Z", "trapped": "True",
    })  # fmt: skip
    pdf.set_toc([[1, "Erstes", 1], [2, "Второе", 2]])
    pdf.embfile_add("Übersicht.txt", b"hello", filename="u.txt", ufilename="Übersicht.txt", desc="Anhang")
    pdf.set_language("fr")
    pdf[0].add_text_annot((20, 20), "Bitte prüfen").set_info(title="Ana López")
    pdf.save(out, no_new_id=True, **options)


def mupdf_aes128(out):
    import pymupdf

    mupdf_rich(
        out, encryption=pymupdf.PDF_ENCRYPT_AES_128, owner_pw="owner", permissions=pymupdf.PDF_PERM_PRINT
    )


def pdfium(out):
    import pypdfium2

    pdf = pypdfium2.PdfDocument.new()
    pdf.new_page(200, 100)
    pdf.save(out, version=15)
