"""seq2seq: recurrent translation and language models, from raw text to BLEU and perplexity.

The names below are imported when they are first used, so that `import seq2seq` is quick, and so
that settings and corpora can be described without loading torch.
"""

import lazy_loader

__version__ = "0.3.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
