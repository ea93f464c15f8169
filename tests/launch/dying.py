"""A worker that is killed, as by a machine without memory left."""

import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
