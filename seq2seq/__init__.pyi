# ruff: isort: skip_file
# The public names, each imported when it is first used: type checkers read this file, and so does
# __init__.py.

from .cli.given import argument_value as argument_value
from .cli.options import parse_command as parse_command
from .cli.parse import parse_experiment as parse_experiment
from .cli.train import finish_training as finish_training
from .config.about import AboutSettings as AboutSettings
from .config.corpora import CorpusSettings as CorpusSettings
from .config.data import DataSettings as DataSettings
from .config.decoding import DecodingSettings as DecodingSettings
from .config.experiment import Experiment as Experiment
from .config.filters import FilterSettings as FilterSettings
from .config.noise import NoiseSettings as NoiseSettings
from .config.fields import (
    NonNegativeFloat as NonNegativeFloat,
    NonNegativeInt as NonNegativeInt,
    PositiveInt as PositiveInt,
    Probability as Probability,
)
from .config.language_model import (
    GenerationSettings as GenerationSettings,
    LanguageDataSettings as LanguageDataSettings,
    LanguageExperiment as LanguageExperiment,
    LanguageModelSettings as LanguageModelSettings,
    NGramExperiment as NGramExperiment,
    NGramSettings as NGramSettings,
)
from .config.model import ModelSettings as ModelSettings
from .config.training import (
    SamplingSettings as SamplingSettings,
    TrainingSettings as TrainingSettings,
)
from .console import run_command as run_command, setup_process as setup_process
from .data.batching import Batch as Batch, bucket as bucket, make_batch as make_batch
from .data.download import (
    WIKITEXT2_LICENCE as WIKITEXT2_LICENCE,
    WikiText2 as WikiText2,
    fetch_from_wheel as fetch_from_wheel,
    fetch_wikitext2 as fetch_wikitext2,
)
from .data.monolingual import letters_only as letters_only, read_monolingual as read_monolingual
from .data.filters.base import PairFilter as PairFilter
from .data.parallel import Corpora as Corpora, ParallelCorpus as ParallelCorpus
from .data.terminology import Terminology as Terminology
from .data.readers.lines import read_lines as read_lines
from .data.tokenizers.base import TOKENIZERS as TOKENIZERS, build_tokenizer as build_tokenizer
from .data.tokenizers.pipeline import TextPipeline as TextPipeline
from .data.tokenizers.rule_based import (
    CharacterTokenizer as CharacterTokenizer,
    SpaceTokenizer as SpaceTokenizer,
    WordTokenizer as WordTokenizer,
)
from .data.tokenizers.sentencepiece import SentencePieceTokenizer as SentencePieceTokenizer
from .data.vocabulary import (
    BOS_ID as BOS_ID,
    EOS_ID as EOS_ID,
    PAD_ID as PAD_ID,
    Vocab as Vocab,
)
from .errors import (
    DataError as DataError,
    RunError as RunError,
    Seq2SeqError as Seq2SeqError,
    SettingsError as SettingsError,
    TrainingError as TrainingError,
)
from .evaluation.gradient_flow import gradient_flow as gradient_flow
from .evaluation.metrics import METRICS as METRICS, bleu as bleu, evaluate as evaluate
from .evaluation.perplexity import held_out_score as held_out_score, perplexity as perplexity
from .evaluation.significance import compare as compare
from .language_modeling.model import LanguageModel as LanguageModel
from .language_modeling.task import TextSplits as TextSplits
from .language_modeling.train import (
    read_splits as read_splits,
    train_language_model as train_language_model,
)
from .language_modeling.train_ngram import train_ngram_model as train_ngram_model
from .models.attention.registry import ATTENTIONS as ATTENTIONS
from .models.attention.scores import (
    AdditiveAttention as AdditiveAttention,
    DotAttention as DotAttention,
    GeneralAttention as GeneralAttention,
)
from .models.bridge import Bridge as Bridge
from .models.cells.base import Cell as Cell
from .models.cells.elman import ElmanCell as ElmanCell
from .models.cells.fused import FusedCell as FusedCell
from .models.cells.gated import LSTMCell as LSTMCell
from .models.cells.registry import CELLS as CELLS
from .models.decoder import Decoder as Decoder
from .models.dropout import DropoutMasks as DropoutMasks, apply_mask as apply_mask
from .models.encoder import (
    Encoder as Encoder,
    LearnedEmbedding as LearnedEmbedding,
    OneHotEmbedding as OneHotEmbedding,
)
from .models.language_model import build_language_model as build_language_model
from .models.ngram.model import NGramModel as NGramModel
from .models.rnn import (
    EncoderStack as EncoderStack,
    RecurrentStack as RecurrentStack,
    StackState as StackState,
)
from .models.translation import (
    TranslationModel as TranslationModel,
    build_translation_model as build_translation_model,
)
from .plotting.figure import (
    check_figure_path as check_figure_path,
    make_figure_folder as make_figure_folder,
    new_figure as new_figure,
    save_figure as save_figure,
)
from .plotting.fonts import displayable as displayable
from .plotting.learning_curves import read_metrics as read_metrics
from .runs.run import Run as Run
from .training.fit import fit as fit
from .training.optimizer import clip_gradients as clip_gradients
from .training.reporting import log_line as log_line
from .translation.filters import FILTERS as FILTERS, make_filters as make_filters
from .translation.butterfly import force_word as force_word
from .translation.fitted import fit_to_text as fit_to_text
from .translation.gates import read_gates as read_gates
from .translation.reranker import Reranker as Reranker
from .translation.train import train as train
from .translation.translator import Translator as Translator

__version__: str
