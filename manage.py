#!/usr/bin/env python
"""SegSearch's commands from a checkout; installed, they are called ``segsearch``."""

from segsearch.cli import cli, main

__all__ = ["cli", "main"]

if __name__ == "__main__":
    main()
