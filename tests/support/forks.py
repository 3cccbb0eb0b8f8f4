"""Programs of seq2seq that begin at once: Python, torch and the package are loaded already.

A script. Each line of JSON on stdin begins a program, which is a process of its own, forked from
this one, which has computed nothing yet. Two lines of stdout answer: its process id, and when it
has ended, its exit status, as `subprocess` has it.

    {"arguments": ["train", …],   of the command line
     "said": "FILE",              where its stderr goes
     "most": 4096 or null,        the most bytes that it may write to a file
     "user": 65534 or null}       who it is, if not the one who runs the tests
"""

import encodings.ascii  # another user may not be able to read it  # noqa: F401
import json
import os
import resource
import signal
import sys
import traceback
from typing import Any

import matplotlib.backends.backend_agg
import matplotlib.figure  # noqa: F401
import sacrebleu.metrics  # noqa: F401
import torch._dynamo  # what every optimizer imports  # noqa: F401

import seq2seq.evaluation.metrics
import seq2seq.language_modeling.train
import seq2seq.translation.train  # noqa: F401
from seq2seq.cli.main import main

assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN  # too large a file is an error, no death


def begin(order: dict[str, Any]) -> int:
    """Begins a program; returns its process id."""
    process = os.fork()
    if process:
        return process
    code: Any = 1
    try:
        for number, path in enumerate((os.devnull, os.devnull, order["said"])):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644), number)
        if order["user"] is not None:
            os.setuid(order["user"])
        if order["most"] is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["most"], order["most"]))
        main(order["arguments"])
        code = 0
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:
        code = 130  # before the program itself had begun
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def serve() -> None:
    """Answers until stdin ends."""
    for line in sys.stdin:
        process = begin(json.loads(line))
        print(process, flush=True)
        status = os.waitpid(process, 0)[1]
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
