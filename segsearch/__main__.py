"""``python -m segsearch``."""

import os
import signal

if os.environ.get("SEGSEARCH_PARENT"):  # see `processes.lifetime`: a companion of `serve`, whose terminal it shares
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while it loads there is nothing to end in order

from .cli import main

if __name__ == "__main__":
    main()
