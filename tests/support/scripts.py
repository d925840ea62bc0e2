"""What every script under tests is given, the build folder as --bin, and how one says that it cannot run."""

import argparse
import pathlib
import sys


def skip(reason):
    print("skipped:", reason)
    sys.exit(77)  # SKIP_RETURN_CODE in tests/CMakeLists.txt


def command_under_test():
    """Path of energy-lens. The rest of the command line is left to unittest."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    options, sys.argv[1:] = parser.parse_known_args()
    return str(pathlib.Path(options.bin).resolve() / "apps/cli/energy-lens")
