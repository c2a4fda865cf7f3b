"""Texts that say something of themselves: mail, calendars, contacts, pages, tables, and text as such."""
