#!/usr/bin/env python3
"""Every source has the shape that .clang-format gives it. usage: format.py <clang-format>"""
import pathlib
import subprocess
import sys

import tree

root = pathlib.Path(__file__).resolve().parents[2]
paths = [str(p) for p in tree.sources(root, "core", "adapters", "tests", "bench", "docs")]
sys.exit(subprocess.run([sys.argv[1], "--dry-run", "-Werror", *paths], cwd=root).returncode)
