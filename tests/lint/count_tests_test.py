#!/usr/bin/env python3
"""count_tests must refuse a label that ran too little, skipped tests included."""
import io

import count_tests

LISTING = """{"tests": [
  {"name": "a", "properties": [{"name": "LABELS", "value": ["unit"]}]},
  {"name": "b", "properties": [{"name": "LABELS", "value": ["unit"]}]},
  {"name": "c", "properties": [{"name": "LABELS", "value": ["unit", "stress"]}]},
  {"name": "d", "properties": [{"name": "LABELS", "value": ["stress"]}]}]}"""
REPORT = """<testsuite>
<testcase name="a" status="run"/>
<testcase name="b" status="notrun"/>
<testcase name="c" status="run"/>
<testcase name="d" status="fail"/>
</testsuite>"""

ran = count_tests.ran_by_label(io.StringIO(REPORT), count_tests.labels_by_test(LISTING))
assert ran == {"unit": 2, "stress": 1}, ran

try:
    count_tests.labels_by_test(LISTING.replace('"d"', '"a"'))
    raise AssertionError("two tests of one name were accepted")
except SystemExit:
    pass

TABLE = "unit 4  # words\n\nlint 9 only release debug\n"
assert count_tests.minimum_counts("release", TABLE) == {"unit": 4, "lint": 9}
assert count_tests.minimum_counts("tsan", TABLE) == {"unit": 4}
print("count_tests counts what passed")
