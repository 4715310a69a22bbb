"""What a user can set, and where the databases are that it names.

=============== ==============================================================
module          what
=============== ==============================================================
`settings`      the variables of the environment, and the settings of them
`values`        sizes, times and addresses, as they are written there
`database_urls` URLs of databases, also those of collections
=============== ==============================================================
"""

from .settings import FORMER_DATA_DIR, FRAME_SECONDS, TRASH_DAYS, VARIABLES, Settings, Variable

__all__ = ["FORMER_DATA_DIR", "FRAME_SECONDS", "TRASH_DAYS", "VARIABLES", "Settings", "Variable"]
