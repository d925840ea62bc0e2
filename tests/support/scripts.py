"""What every script under tests is given, the build folder as --bin, and how one says that it cannot run."""

import argparse
import importlib
import pathlib
import re
import sys


def skip(reason):
    print("skipped:", reason)
    sys.exit(77)  # SKIP_RETURN_CODE in tests/CMakeLists.txt


def built(program):
    """Path of a program in the build folder. The rest of the command line is left to whoever reads it next."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--bin", required=True, help="build folder")
    options, sys.argv[1:] = parser.parse_known_args()
    return pathlib.Path(options.bin).resolve() / program


def command_under_test():
    return str(built("apps/cli/energy-lens"))


def has_sanitizer(program, kinds="AT"):
    """Whether a program's build folder was configured with one: its memory, time and instructions are not ours.

    kinds: of which, A for addresses, T for threads.
    """
    cache = next(folder / "CMakeCache.txt" for folder in pathlib.Path(program).parents if (folder / "CMakeCache.txt").exists())
    return re.search(rf"^ENERGY_LENS_[{kinds}]SAN:BOOL=ON$", cache.read_text(), re.MULTILINE) is not None


def need_no_sanitizer(program):
    if has_sanitizer(program):
        skip("what a sanitizer holds and runs besides cannot be told from the program's own")


def need_reference(*modules):
    """Imports packages to compare with, transformers without its advice; skips where one is missing."""
    for name in modules:
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            skip(f"no reference implementation: {error}")
        if name == "transformers":
            module.logging.set_verbosity_error()
