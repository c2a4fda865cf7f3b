PRAGMA page_size=1024; PRAGMA user_version=42; PRAGMA application_id=252006674; PRAGMA auto_vacuum=FULL;
CREATE TABLE "Größe" (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size REAL, raw BLOB);
INSERT INTO "Größe" VALUES (1,'Grüße – 世界',2.5,x'00ff'),(2,'Привет',NULL,NULL);
CREATE INDEX by_name ON "Größe"(name); CREATE VIEW small AS SELECT id FROM "Größe"; CREATE VIRTUAL TABLE words USING fts5(body);
CREATE TRIGGER t AFTER INSERT ON "Größe" BEGIN SELECT 1; END;
