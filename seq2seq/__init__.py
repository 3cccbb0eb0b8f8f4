"""seq2seq: recurrent sequence-to-sequence translation, from raw sentence pairs to BLEU."""

__version__ = "0.1.0"
