"""Runs the check_... functions of a script and reports on each."""
import sys
import traceback

import torch


def run_checks(names):
    """`names`: the script's globals(). Ends the process: 0 when every check passed, else 1."""
    torch.manual_seed(0)
    failed = 0
    checks = [value for name, value in names.items() if name.startswith("check_")]
    for check in checks:
        try:
            check()
        except Exception as error:  # every check reports, none stops the others
            failed += 1
            place = traceback.extract_tb(error.__traceback__)[-1]
            print(f"{check.__name__}: {type(error).__name__}: {error} (line {place.lineno})")
    print(f"{len(checks) - failed} of {len(checks)} checks passed")
    sys.exit(1 if failed else 0)
