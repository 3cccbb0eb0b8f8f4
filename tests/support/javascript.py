"""The JavaScript of a page, run by node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from seq2seq.export.html import WORKER, read_scripts

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed: apt-get install nodejs"
)

PROGRAM = """
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
(async () => {
%s
})().then((found) => process.stdout.write(JSON.stringify(found)));
"""


def run_javascript(folder: Path, body: str, given: object) -> Any:
    """What the body of a function returns that has all that translates, and `given`.

    Args:
        folder: for the program's file.
        body: JavaScript.
        given: as JSON.
    """
    program = folder / "program.cjs"
    program.write_text(read_scripts(WORKER) + PROGRAM % body, encoding="utf-8")
    done = subprocess.run(
        ["node", program], input=json.dumps(given).encode(), capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return json.loads(done.stdout)
