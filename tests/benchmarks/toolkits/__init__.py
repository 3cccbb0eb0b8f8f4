"""Other toolkits, by the names on the command line. Only what has been run stands here."""

from tests.benchmarks.toolkits.base import Toolkit
from tests.benchmarks.toolkits.fairseq import FAIRSEQ
from tests.benchmarks.toolkits.joeynmt import JOEYNMT
from tests.benchmarks.toolkits.opennmt import OPENNMT

TOOLKITS: dict[str, Toolkit] = {"fairseq": FAIRSEQ, "opennmt": OPENNMT, "joeynmt": JOEYNMT}
