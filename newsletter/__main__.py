"""``python -m newsletter`` and the installed ``newsletter`` command."""

from __future__ import annotations

import atexit
import gc
import os

# pydantic would look through every installed distribution for plugins, of which we use none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
# A process that ends need not search a hundred thousand objects for garbage once more: that was a
# seventh of the time of a short command.
atexit.register(gc.freeze)

from newsletter.cli.app import main  # noqa: E402 - after the lines above

if __name__ == "__main__":
    main()
