"""Calls a function of a module beside this one: `python run.py MODULE FUNCTION FILE [ARGUMENT ...]`."""

import importlib
import sys

if __name__ == "__main__":
    module, function, *arguments = sys.argv[1:]
    getattr(importlib.import_module(module), function)(*arguments)
