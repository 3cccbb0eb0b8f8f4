"""Lines of text that programs trip over, for the tests of all that reads text."""

from hypothesis import strategies as st

LINE_ENDS = "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
"""What other programs take for the end of a line."""

MARKS = st.sampled_from(
    [
        *LINE_ENDS,
        *"\x00\x01\x1a\x7f\ufeff\ufffe\uffff\ufffd\u00ad",
        *"\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2066\u2069\u061c",  # zero width, directions
        *"\u0301\u0316\u0344\u05b0\u20e3\ufe0f\U000e0100",  # combining
        *"👩🚀🇫🇷🏽\U0010ffff",
        *" \t\u3000\xa0\"'\\,;<>￭▁␛⁇",
        *("e\u0301", "👩\u200d🚀", "<pad>", "</s>", "<unk>", "\\n", "\\N", "#", '""', "[", "{"),
    ]
)

LINE = st.one_of(
    st.just(""),
    st.text(max_size=1),
    st.lists(st.one_of(MARKS, st.text(max_size=4)), max_size=8).map("".join),
).map(lambda line: line.replace("\n", ""))
"""A line without its end, of any characters but lone surrogates."""

LINES = st.lists(LINE, min_size=1, max_size=8)

LONG = [
    "a" * 100_000,
    "a b " * 25_000,
    "e\u0301\u0316" * 33_333,
    "e" + "\u0301\u0316" * 50_000,
    "abc" * 33_333,
    "<a" * 50_000,
    "l'" * 50_000,
    "👩\u200d🚀" * 33_333,
    "我們" * 50_000,
    "-." * 50_000,
    "\u2028\x00" * 50_000,
]
"""Lines of 100,000 characters, each of them hard for something."""
