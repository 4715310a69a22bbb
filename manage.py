#!/usr/bin/env python
"""SegSearch's commands in a checkout; the installed program is ``segsearch``."""

from segsearch.cli import cli, main

__all__ = ["cli", "main"]

if __name__ == "__main__":
    main()
