"""What ``doctor`` found, on the terminal."""

from __future__ import annotations

from dataclasses import asdict

from rich.text import Text

from retrieval.assembly import Assembly
from retrieval.processes.tables import Console
from retrieval.processes.terminal import echo_json

from ..doctor import State, examine

MARKS: dict[State, tuple[str, str]] = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "fault": ("fault", "red"),
}
"""The word of each state, and its colour."""


def print_findings(assembly: Assembly, port: int, *, as_json: bool) -> int:
    """Print each finding as it comes, or all as one JSON object; returns the exit code."""
    console, findings = Console(), []
    for each in examine(assembly, port):
        findings.append(each)
        if not as_json:
            word, color = MARKS[each.state]
            console.print(Text(f"{word:>7}", style=color), Text(f" {each.name}: {each.told}"), sep="", soft_wrap=True)
    faults = sum(each.state == "fault" for each in findings)
    if as_json:
        echo_json({"findings": [asdict(each) for each in findings], "faults": faults})
    else:
        console.print("everything works" if not faults else f"{faults} fault{'s' if faults > 1 else ''}")
    return 1 if faults else 0
