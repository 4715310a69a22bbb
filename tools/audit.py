"""``python -m tools.audit``: known vulnerabilities of what is installed here, by pip-audit.

Fails on a finding, and where pip-audit itself fails. Where its service cannot be reached, or knows nothing of what is
installed (a mirror without that data), it says so and passes: no build can depend on that.
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
    """What to say of an audit, and the status to end with.

    Parameters
    ----------
    output, errors : str
        What pip-audit wrote.

    Returns
    -------
    int
        0 if nothing was found, 1 if something was or the audit failed.
    list of str
        Lines for a person.
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
    """Audit, and say what came of it."""
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    status, said = judge(done.stdout, done.stderr)
    sys.stdout.writelines(f"{line}\n" for line in said)
    return status


if __name__ == "__main__":
    sys.exit(main())
