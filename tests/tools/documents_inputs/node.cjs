// Files by npm's packages: node node.cjs NAME FILE.
const fs = require("fs");
const title = "Jahresbericht – Übersicht 年次報告", author = "Zoë Müller", editor = "Иван Петров";
const created = new Date("2019-02-03T04:05:06Z"), modified = new Date("2021-05-04T12:00:00Z");
const makers = {
  async docx() {
    const d = require("docx");
    const document = new d.Document({
      title, creator: author, lastModifiedBy: editor, subject: "Résumé", keywords: "naïve, 日本語", description: "line\nελληνικά", revision: 9,
      customProperties: [{ name: "Client", value: "Ðrøn & Co" }, { name: "Größe", value: "42" }],
      features: { trackRevisions: true }, background: { color: "FFEEDD" },
      comments: { children: [{ id: 0, author: "Ana", date: created, children: [new d.Paragraph("Bitte prüfen")] }] },
      sections: [{ children: [new d.Paragraph({ text: "Съешь же ещё", heading: d.HeadingLevel.HEADING_1 }), new d.Paragraph({ children: [new d.ExternalHyperlink({ link: "https://example.org/é", children: [new d.TextRun("link")] })] })] }],
    });
    return d.Packer.toBuffer(document);
  },
  async xlsx() {
    const book = new (require("exceljs").Workbook)();
    Object.assign(book, { title, creator: author, lastModifiedBy: editor, created, modified, lastPrinted: created, subject: "Résumé", keywords: "naïve", category: "Reports", description: "line", company: "Acme & Söhne", manager: "Ana" });
    book.addWorksheet("Umsätze").addRow(["Größe", 3.5, created]);
    book.addWorksheet("Geheim", { state: "veryHidden" });
    book.getWorksheet(1).getCell("A1").note = "Kommentar";
    return book.xlsx.writeBuffer();
  },
  async pptx() {
    const show = new (require("pptxgenjs"))();
    Object.assign(show, { title, author, company: "Acme & Söhne", subject: "Résumé", revision: "3", layout: "LAYOUT_WIDE" });
    show.addSection({ title: "Teil 一" });
    const slide = show.addSlide({ sectionTitle: "Teil 一" });
    slide.addText("Привет", { x: 1, y: 1, w: 5, h: 1, hyperlink: { url: "https://example.org/" } });
    slide.addNotes("Langsam");
    return Buffer.from(await show.write({ outputType: "nodebuffer" }));
  },
  async pdflib() {
    const { PDFDocument } = require("pdf-lib");
    const pdf = await PDFDocument.create();
    pdf.setTitle(title, { showInWindowTitleBar: true }); pdf.setAuthor(author); pdf.setSubject("Résumé"); pdf.setKeywords(["naïve", "日本語"]);
    pdf.setCreator("Hand"); pdf.setProducer("pdf-lib"); pdf.setCreationDate(created); pdf.setModificationDate(modified); pdf.setLanguage("de-AT");
    const page = pdf.addPage([400, 300]);
    pdf.getForm().createTextField("Name.Vor").addToPage(page, { x: 10, y: 10 });
    await pdf.attach(Buffer.from("hello"), "naïve.txt", { mimeType: "text/plain", description: "Anhang", creationDate: created, modificationDate: modified });
    return pdf.save();
  },
  async pdfkit() {
    const options = { pdfVersion: "1.7ext3", lang: "fr", tagged: true, displayTitle: true, subset: "PDF/A-2b", userPassword: undefined, info: { Title: title, Author: author, Subject: "Résumé", Keywords: "naïve", CreationDate: created, ModDate: modified } };
    return stream(new (require("pdfkit"))(options), (pdf) => { pdf.font(process.argv[4]).text("Hello"); pdf.outline.addItem("Première – 一"); pdf.addPage({ size: "A6" }); pdf.end(); });
  },
  async pdfkitEncrypted() {
    const options = { pdfVersion: "1.7ext3", ownerPassword: "owner", permissions: { printing: "lowResolution", copying: true }, info: { Title: title, Author: author, CreationDate: created } };
    return stream(new (require("pdfkit"))(options), (pdf) => { pdf.text("Hello"); pdf.file(Buffer.from("hello"), { name: "note.txt", description: "Notiz", creationDate: created, modifiedDate: modified }); pdf.end(); });
  },
  async archiverZip() {
    const zip = require("archiver");
    const made = zip.ZipArchive ? new zip.ZipArchive({ comment: "Kommentar: ü", forceZip64: true }) : zip("zip", { comment: "Kommentar: ü", forceZip64: true });
    return stream(made, (it) => { it.append("Grüße", { name: "Ordner/größe.txt", date: modified, mode: 0o640, comment: "ein Kommentar" }); it.append("x", { name: "日本.txt", date: created, store: true }); it.finalize(); });
  },
  async jszip() {
    const zip = new (require("jszip"))();
    zip.file("größe.txt", "Grüße", { date: modified, comment: "Datei – 文件", unixPermissions: 0o100755 });
    zip.folder("Ordner", { date: created });
    return zip.generateAsync({ type: "nodebuffer", comment: "Archiv – 档案", platform: "UNIX", compression: "DEFLATE", streamFiles: true });
  },
  async yazl() {
    const zip = new (require("yazl").ZipFile)();
    zip.addBuffer(Buffer.from("Grüße"), "größe.txt", { mtime: modified, mode: 0o100600, fileComment: "Notiz", forceZip64Format: true });
    zip.addEmptyDirectory("leer", { mtime: created });
    return stream(zip.outputStream, () => zip.end({ comment: "plain comment", forceZip64Format: true }));
  },
  async tar() {
    const pack = require("tar-stream").pack();
    return stream(pack, (it) => {
      it.entry({ name: "größe/日本語.txt", mtime: modified, uname: "zoë", gname: "users", uid: 1000, pax: { comment: "Notiz" } }, "Grüße");
      it.entry({ name: "link", type: "symlink", linkname: "größe", mtime: created }); it.finalize();
    });
  },
  async ics() {
    const { default: make } = require("ical-generator");
    const zone = { name: "Kalender – 日", description: "Beschreibung", timezone: "Europe/Vienna", prodId: { company: "acme", product: "made", language: "DE" }, ttl: 3600, url: "https://example.org/c.ics" };
    const calendar = make(zone);
    calendar.createEvent({ id: "1@example.org", start: created, end: new Date(+created + 36e5), stamp: modified, summary: title, description: "Zeile, mit; Zeichen\nzwei", location: { title: "Wien", address: "Ring 1", geo: { lat: 48.2, lon: 16.37 } }, organizer: { name: author, email: "z@example.org" }, attendees: [{ email: "i@example.org", name: editor, rsvp: true, status: "ACCEPTED", role: "OPT-PARTICIPANT" }], repeating: { freq: "WEEKLY", count: 4 }, alarms: [{ type: "display", trigger: 600 }], categories: [{ name: "Büro" }], status: "CONFIRMED", url: "https://example.org/1", sequence: 2, created, lastModified: modified });
    return calendar.toString();
  },
  async mail() { return mail({}); },
  async mailText() { return mail({ html: undefined, attachments: [], text: "Line one\nGrüße aus Wien\n", textEncoding: "quoted-printable", subject: "Plain – tëxt", icalEvent: { method: "REQUEST", content: "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n" } }); },
  async torrent() {
    const { default: make } = await import(`${process.env.NODE_PATH}/create-torrent/index.js`);
    return new Promise((done, failed) => make([Object.assign(Buffer.from("Grüße"), { name: "größe.txt" }), Object.assign(Buffer.alloc(40000, 1), { name: "zwei.bin" })], { name: "Sammlung – 集", comment: "Ein Kommentar: ü", createdBy: "hand/1.0", creationDate: modified, private: true, announceList: [["http://tracker.example.org/announce"], ["udp://b.example.org:80"]], urlList: ["http://seed.example.org/"], info: { source: "ACME" } }, (error, torrent) => (error ? failed(error) : done(torrent))));
  },
};
async function mail(more) {
  const boundary = { baseBoundary: "fixed" };
  const message = { ...boundary, from: { name: author, address: "zoe@example.org" }, sender: "office@example.org", to: [{ name: editor, address: "ivan@example.org" }, "b@example.org"], cc: "Ana López <ana@example.org>", bcc: "hidden@example.org", replyTo: "r@exämple.org", subject: title, text: "Grüße – 世界", html: "<p>Grüße <img src='cid:a@b'></p>", date: modified, messageId: "<1@example.org>", inReplyTo: "<0@example.org>", references: ["<0@example.org>", "<00@example.org>"], priority: "high", headers: { "X-Client": "Ðrøn & Co", "List-Id": "<l.example.org>" }, list: { unsubscribe: { url: "https://example.org/u", comment: "Abmelden" } }, attachments: [{ filename: "Übersicht 年.txt", content: "hello" }, { filename: "p.png", content: Buffer.from("89504e47", "hex"), cid: "a@b" }, { filename: "inner.eml", contentType: "message/rfc822", content: "Subject: inner\r\n\r\ntext\r\n" }], ...more };
  const Composer = require("nodemailer/lib/mail-composer");
  const built = new Composer(message).compile();
  built.keepBcc = true;
  return new Promise((done, failed) => built.build((error, bytes) => (error ? failed(error) : done(bytes))));
}
function stream(source, fill) {
  return new Promise((done, failed) => { const parts = []; source.on("data", (part) => parts.push(part)); source.on("end", () => done(Buffer.concat(parts))); source.on("error", failed); fill(source); });
}
makers[process.argv[2]]().then((bytes) => fs.writeFileSync(process.argv[3], bytes), (error) => { console.error(error); process.exit(1); });
