"""The version of the installed package."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("metaextract")
except PackageNotFoundError:  # run from a plain checkout
    VERSION = "0.0.0+checkout"
