"""``python -m tools.audit``: known vulnerabilities of the installed packages, by pip-audit.

Fails on a finding, and if pip-audit itself fails. If its service cannot be reached, or has no data about the packages
(such as a mirror), it says so and passes, because no build should depend on that.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

COMMAND = (sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off", "--timeout=15")
_UNREACHABLE = re.compile(r"connection|timed? ?out|resolve|unreachable|proxy|service ?(error|unavailable)|HTTP", re.I)


def judge(output: str, errors: str) -> tuple[int, list[str]]:
    """The exit status of an audit, and what to print.

    Parameters
    ----------
    output, errors : str
        Output of pip-audit.

    Returns
    -------
    int
        0 if nothing was found, 1 if something was or the audit failed.
    list of str
        Lines to print.
    """
    try:
        dependencies: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        told = errors.strip().splitlines()[-1:] or ["it wrote nothing"]
        if _UNREACHABLE.search(errors):
            return 0, [f"NOT AUDITED: the service of known vulnerabilities cannot be reached ({told[0]})"]
        return 1, [f"pip-audit failed: {told[0]}"]
    found = [
        f"{each['name']} {each['version']}: {known['id']}, mended in {', '.join(known['fix_versions']) or 'no version'}"
        for each in dependencies
        for known in each.get("vulns", ())
    ]
    unknown = [each["name"] for each in dependencies if "skip_reason" in each]
    audited = len(dependencies) - len(unknown)
    if not audited:
        return 0, ["NOT AUDITED: the service of known vulnerabilities knows none of the packages (a mirror?)"]
    said = [f"{audited} packages audited, {len(found)} known vulnerabilities"]
    if unknown:
        said.append(f"not known to the service: {', '.join(unknown)}")
    return (1 if found else 0), [*found, *said]


def main() -> int:
    """Run the audit and print its result."""
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    status, said = judge(done.stdout, done.stderr)
    sys.stdout.writelines(f"{line}\n" for line in said)
    return status


if __name__ == "__main__":
    sys.exit(main())
