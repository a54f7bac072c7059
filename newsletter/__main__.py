"""``python -m newsletter`` and the installed ``newsletter`` command."""

from __future__ import annotations

import atexit
import gc
import os
import signal

# A service may be told to read its files again while it still starts: that waits until it can be
# done, instead of ending the process. A command that takes no such word lets it through again.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
# pydantic would look through every installed distribution for plugins, of which we use none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
# A process that ends need not search a hundred thousand objects for garbage once more: that was a
# seventh of the time of a short command.
atexit.register(gc.freeze)

from newsletter.cli.app import main  # noqa: E402 - after the lines above

if __name__ == "__main__":
    main()
