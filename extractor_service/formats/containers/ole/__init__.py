"""Compound files: Office documents until 2007, mails of Outlook, installers, drawings of Visio. Microsoft, MS-CFB."""
