"""The JavaScript of a page, run by node."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from seq2seq.export.html import WORKER, Content, read_scripts

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed: apt-get install nodejs"
)

READ = """
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const write = (value) => process.stdout.write(JSON.stringify(value));
"""


def run_javascript(program: str, given: object) -> Any:
    """What a program writes that has all that translates, and `given` as JSON."""
    text = read_scripts(WORKER) + READ + program
    done = subprocess.run(
        ["node", "-e", "eval(require('fs').readFileSync(3, 'utf8'))"],
        input=json.dumps(given).encode(),
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout), text
