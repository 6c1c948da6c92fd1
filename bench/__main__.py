"""`python -m bench pacing | wire | pages`: the numbers behind the claims."""

from __future__ import annotations

import argparse
import importlib
import sys


def main() -> int:
    """One bench; see each one's module."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "bench",
        choices=("pacing", "wire", "pages"),
        help="pacing: policies on virtual time; wire: real adapters on the sandbox; pages: cost of Markdown",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--plot", metavar="FILE", help="draw the picture of the README (pacing, wire)")
    options = parser.parse_args()
    module = importlib.import_module(f"bench.{options.bench}")
    if options.bench == "pages":
        module.report(as_json=options.json)
    else:
        module.report(as_json=options.json, plot=options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
