"""The command line: `metaextract extract | stats | pressure | health | up | down`."""
