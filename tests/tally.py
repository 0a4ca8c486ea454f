#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tally.py STAGE TESTLOG.json: reads what `meson test` wrote, says why tests were skipped and how
they failed, and prints as its last line the numbers passed, failed and skipped."""
import json
import sys

GOOD = {"OK", "EXPECTEDFAIL"}


def output(test):
    return [line for line in (test.get("stdout", "") + "\n" + test.get("stderr", "")).splitlines()
            if line.strip()]


def main():
    stage, path = sys.argv[1:]
    passed = failed = skipped = 0
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            test = json.loads(line)
            name, result = test["name"], test["result"]
            if result in GOOD:
                passed += 1
            elif result == "SKIP":
                skipped += 1
                said = output(test)
                print(f"skipped  {stage}: {name}: {said[-1].strip() if said else 'no reason given'}")
            else:
                failed += 1
                print(f"FAILED   {stage}: {name} ({result.lower()}, {test['duration']:.1f} s)")
                print("    command: " + " ".join(test.get("command", [])))
                for said in output(test)[-40:]:
                    print("    " + said)
    print(passed, failed, skipped)


if __name__ == "__main__":
    main()
