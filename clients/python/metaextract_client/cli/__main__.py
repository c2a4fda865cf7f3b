"""`python -m metaextract_client.cli`, the same as the `metaextract` script."""

from metaextract_client.cli.main import main

if __name__ == "__main__":
    main()
