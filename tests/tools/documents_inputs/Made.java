// Files by Apache POI and PDFBox: java Made.java NAME FILE [SOURCE].
import java.io.*;
import java.nio.file.*;
import java.util.*;
import org.apache.pdfbox.pdmodel.*;
import org.apache.pdfbox.pdmodel.encryption.*;
import org.apache.poi.hpsf.CustomProperties;
import org.apache.poi.hpsf.DocumentSummaryInformation;
import org.apache.poi.hpsf.SummaryInformation;
import org.apache.poi.hslf.usermodel.*;
import org.apache.poi.hssf.usermodel.*;
import org.apache.poi.hwpf.HWPFDocument;
import org.apache.poi.ooxml.POIXMLDocument;
import org.apache.poi.poifs.crypt.*;
import org.apache.poi.poifs.filesystem.POIFSFileSystem;
import org.apache.poi.xslf.usermodel.*;
import org.apache.poi.xssf.usermodel.*;
import org.apache.poi.xwpf.usermodel.*;

public class Made {
  static final String TITLE = "Jahresbericht – Übersicht 年次報告", AUTHOR = "Zoë Müller", EDITOR = "Иван Петров";
  static final Date CREATED = new Date(1549166706000L), MODIFIED = new Date(1620129600000L);

  public static void main(String[] a) throws Exception {
    try (OutputStream out = new FileOutputStream(a[1])) {
      switch (a[0]) {
        case "doc" -> {
          HWPFDocument doc = new HWPFDocument(new FileInputStream(a[2]));
          doc.getRange().insertBefore("Made by POI. ");
          told(doc.getSummaryInformation(), doc.getDocumentSummaryInformation());
          doc.write(out);
        }
        case "xls", "xlsEncrypted" -> {
          HSSFWorkbook book = new HSSFWorkbook();
          book.createInformationProperties();
          told(book.getSummaryInformation(), book.getDocumentSummaryInformation());
          book.createSheet("Umsätze").createRow(0).createCell(0).setCellValue("Größe");
          book.createSheet("Данные");
          book.setSheetHidden(1, true);
          if (a[0].equals("xlsEncrypted")) {
            org.apache.poi.hssf.record.crypto.Biff8EncryptionKey.setCurrentUserPassword("secret");
            book.writeProtectWorkbook("secret", "owner");
          }
          book.write(out);
        }
        case "ppt" -> {
          HSLFSlideShow show = new HSLFSlideShow();
          show.createInformationProperties();
          told(show.getSummaryInformation(), show.getDocumentSummaryInformation());
          show.setPageSize(new java.awt.Dimension(960, 540));
          for (String text : List.of("Übersicht", "二")) show.createSlide().addTitle().setText(text);
          show.write(out);
        }
        case "docx", "docxEncrypted", "docxAgile" -> {
          XWPFDocument doc = new XWPFDocument();
          told(doc);
          doc.createParagraph().createRun().setText("Grüße");
          doc.enforceReadonlyProtection();
          if (a[0].equals("docx")) doc.write(out);
          else encrypted(doc, out, a[0].endsWith("Agile") ? EncryptionMode.agile : EncryptionMode.standard);
        }
        case "xlsx" -> {
          XSSFWorkbook book = new XSSFWorkbook();
          told(book);
          book.createSheet("Umsätze").createRow(0).createCell(0).setCellValue("Größe");
          book.createSheet("Geheim");
          book.setSheetVisibility(1, org.apache.poi.ss.usermodel.SheetVisibility.VERY_HIDDEN);
          book.lockStructure();
          book.write(out);
        }
        case "pptx" -> {
          XMLSlideShow show = new XMLSlideShow();
          told(show);
          show.createSlide();
          show.write(out);
        }
        case "pdf", "pdfCertified" -> {
          PDDocument pdf = new PDDocument();
          pdf.addPage(new PDPage());
          PDDocumentInformation info = pdf.getDocumentInformation();
          info.setTitle(TITLE);
          info.setAuthor(AUTHOR);
          info.setKeywords("naïve, 日本語");
          info.setCustomMetadataValue("Client", "Ðrøn & Co");
          Calendar at = Calendar.getInstance(TimeZone.getTimeZone("GMT-03:30"));
          at.setTime(CREATED);
          info.setCreationDate(at);
          info.setTrapped("Unknown");
          pdf.setVersion(1.6f);
          pdf.setDocumentId(1L);
          if (a[0].equals("pdfCertified")) {
            AccessPermission may = new AccessPermission();
            may.setCanPrint(false);
            StandardProtectionPolicy policy = new StandardProtectionPolicy("owner", "", may);
            policy.setEncryptionKeyLength(256);
            pdf.protect(policy);
          }
          pdf.save(out);
        }
        default -> throw new IllegalArgumentException(a[0]);
      }
    }
  }

  static void told(SummaryInformation one, DocumentSummaryInformation two) {
    one.setTitle(TITLE);
    one.setAuthor(AUTHOR);
    one.setLastAuthor(EDITOR);
    one.setSubject("Résumé");
    one.setKeywords("naïve, 日本語");
    one.setComments("line\nελληνικά");
    one.setTemplate("bericht.dot");
    one.setRevNumber("17");
    one.setEditTime(3_600_000_000_0L);
    one.setCreateDateTime(CREATED);
    one.setLastSaveDateTime(MODIFIED);
    one.setLastPrinted(CREATED);
    one.setApplicationName("Hand");
    one.setSecurity(2);
    one.setPageCount(3);
    one.setWordCount(42);
    two.setCompany("Acme & Söhne GmbH");
    two.setManager("Ana López");
    two.setCategory("Reports/Annual");
    two.setContentStatus("Draft");
    two.setLanguage("de-AT");
    CustomProperties custom = new CustomProperties();
    custom.put("Client", "Ðrøn & Co");
    custom.put("Größe", 42);
    custom.put("Ratio", 2.5);
    custom.put("Checked", true);
    custom.put("Due", CREATED);
    two.setCustomProperties(custom);
  }

  static void told(POIXMLDocument document) throws Exception {
    var core = document.getProperties().getCoreProperties();
    core.setTitle(TITLE);
    core.setCreator(AUTHOR);
    core.setLastModifiedByUser(EDITOR);
    core.setSubjectProperty("Résumé");
    core.setKeywords("naïve, 日本語");
    core.setDescription("line\nελληνικά");
    core.setCategory("Reports");
    core.setContentStatus("Draft");
    core.setRevision("17");
    core.setCreated(Optional.of(CREATED));
    core.setModified(Optional.of(MODIFIED));
    core.setLastPrinted(Optional.of(CREATED));
    var extended = document.getProperties().getExtendedProperties();
    extended.setApplication("Hand");
    extended.setAppVersion("12.34");
    extended.setCompany("Acme & Söhne GmbH");
    extended.setManager("Ana López");
    extended.setTemplate("bericht.dotx");
    extended.setTotalTime(90);
    var custom = document.getProperties().getCustomProperties();
    custom.addProperty("Client", "Ðrøn & Co");
    custom.addProperty("Größe", 42);
    custom.addProperty("Ratio", 2.5);
    custom.addProperty("Checked", true);
  }

  static void encrypted(POIXMLDocument document, OutputStream out, EncryptionMode mode) throws Exception {
    POIFSFileSystem files = new POIFSFileSystem();
    Encryptor encryptor = new EncryptionInfo(mode).getEncryptor();
    encryptor.confirmPassword("secret");
    try (OutputStream data = encryptor.getDataStream(files)) { document.write(data); }
    files.writeFilesystem(out);
  }
}
