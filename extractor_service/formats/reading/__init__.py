"""What parsers read with: bounded readers, tag tables, fields, damage."""
