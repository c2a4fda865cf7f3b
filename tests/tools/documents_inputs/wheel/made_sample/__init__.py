"""A made sample."""

__version__ = "1.2.3rc1"


def main():
    print("made")
