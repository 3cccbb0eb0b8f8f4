"""Programs of seq2seq that begin at once: Python, torch and the package are loaded already.

A script. Each line of JSON on stdin begins a program, which is a process of its own, forked from
this one, which has computed nothing yet. Two lines of stdout answer: its process id, and when it
has ended, its exit status, as `subprocess` has it.

    {"arguments": ["train", …],   of the command line
     "script": "FILE" or null,    a program, if it is not seq2seq itself
     "streams": ["FILE", …],      its stdin, stdout and stderr
     "cwd": "FOLDER",             where it begins
     "environment": {…},          its variables
     "most": 4096 or null,        the most bytes that it may write to a file
     "user": 65534 or null}       who it is, if not the one who runs the tests
"""

import encodings.ascii  # another user may not be able to read it  # noqa: F401
import json
import os
import resource
import runpy
import signal
import sys
import traceback
from typing import Any

import matplotlib.backends.backend_agg
import matplotlib.figure  # noqa: F401
import sacrebleu.metrics  # noqa: F401
import torch._dynamo  # what every optimizer imports  # noqa: F401

import seq2seq.cli.main
import seq2seq.evaluation.metrics
import seq2seq.language_modeling.train
import seq2seq.translation.train  # noqa: F401

assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN  # too large a file is an error, no death


def begin(order: dict[str, Any]) -> int:
    """Begins a program; returns its process id."""
    process = os.fork()
    if process:
        return process
    code: Any = 1
    try:
        for number, path in enumerate(order["streams"]):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644), number)
        sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")  # without what the others have read
        os.chdir(order["cwd"])
        os.environ.clear()
        os.environ.update(order["environment"])
        if order["user"] is not None:
            os.setuid(order["user"])
        if order["most"] is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["most"], order["most"]))
        sys.argv = [order["script"] or "seq2seq", *order["arguments"]]
        if order["script"]:
            runpy.run_path(order["script"], run_name="__main__")
        else:
            runpy.run_module("seq2seq", run_name="__main__")
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    except KeyboardInterrupt:
        code = 130  # before the program itself had begun
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
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
