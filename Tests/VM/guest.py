# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of this folder inside the guest: one line per test, a count at the end, status 1 if any failed."""
import importlib
import inspect
import os
import pathlib
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Integration")]

import machine  # noqa: E402


def tests(form):
    """(name, function, arguments) of every test; the short form takes those marked @short."""
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if not name.startswith("test_") or function.__module__ != path.stem:
                continue
            if form == "short" and not getattr(function, "short", False):
                continue
            yield f"{path.stem}::{name}", inspect.getsourcelines(function)[1], function


def run(function):
    """None when it passed, a reason when it was skipped; raises when it failed."""
    arguments = {name: machine.fixture(name) for name in inspect.signature(function).parameters}
    try:
        function(**arguments)
    except machine.Skip as skip:
        return str(skip)
    return None


def main():
    form, only = os.environ.get("APUS_VM_FORM", "full"), os.environ.get("APUS_VM_ONLY", "")
    passed = failed = skipped = 0
    chosen = sorted((t for t in tests(form) if only in t[0]), key=lambda t: (t[0].split("::")[0], t[1]))
    for name, _, function in chosen:
        started = time.monotonic()
        try:
            reason = run(function)
        except Exception:  # noqa: BLE001: every failure is a line of the report
            failed += 1
            print(f"{name} FAILED ({time.monotonic() - started:.1f} s)", flush=True)
            print("    " + traceback.format_exc(limit=-3).replace("\n", "\n    "), flush=True)
            continue
        if reason is None:
            passed += 1
            print(f"{name} passed ({time.monotonic() - started:.1f} s)", flush=True)
        else:
            skipped += 1
            print(f"{name} skipped: {reason}", flush=True)
    try:
        left = machine.leave()
    except Exception:  # noqa: BLE001
        left = [traceback.format_exc(limit=-3)]
    if left:
        failed += 1
        print(f"leftovers FAILED: {left}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
