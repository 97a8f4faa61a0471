#!/usr/bin/env python3
"""count_tests must refuse a label that ran too little, skipped tests included."""
import io
import sys

import count_tests

REPORT = """<testsuite>
<testcase name="a" status="run"><properties>
  <property name="cmake_labels" value="unit"/></properties></testcase>
<testcase name="b" status="notrun"><properties>
  <property name="cmake_labels" value="unit"/></properties></testcase>
<testcase name="c" status="run"><properties>
  <property name="cmake_labels" value="unit;stress"/></properties></testcase>
<testcase name="d" status="fail"><properties>
  <property name="cmake_labels" value="stress"/></properties></testcase>
</testsuite>"""

ran = count_tests.ran_by_label(io.StringIO(REPORT))
assert ran == {"unit": 2, "stress": 1}, ran

TABLE = "unit 4  # words\n\nlint 9 only release debug\n"
assert count_tests.minimum_counts("release", TABLE) == {"unit": 4, "lint": 9}
assert count_tests.minimum_counts("tsan", TABLE) == {"unit": 4}
print("count_tests counts what ran")
sys.exit(0)
