"""What a run begins with: tokenizers, vocabularies and weights, its own or those of other runs."""

from __future__ import annotations

from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.model import ModelSettings
from seq2seq.config.parent import contradictions, inherit, inherited_settings
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.tokenizers.extension import extend_pipeline
from seq2seq.data.tokenizers.pipeline import (
    EncodedText,
    TextPipeline,
    build_pipeline,
    build_pipelines,
    encode_text,
)
from seq2seq.data.tokenizers.rule_based import CharacterTokenizer
from seq2seq.data.vectors import read_vectors
from seq2seq.data.vocabulary import Vocab
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.language_modeling.loading import load_network
from seq2seq.models.encoder import Embedding
from seq2seq.models.pretrained import (
    FROM_LANGUAGE_MODEL,
    NEW,
    initialize_decoder,
    initialize_embedding,
    initialize_encoder,
    initialize_from_model,
    old_ids,
)
from seq2seq.models.translation import TranslationModel
from seq2seq.runs.directory import SIDES, TEXT_SIDE
from seq2seq.runs.run import Run
from seq2seq.training.reporting import log_line
from seq2seq.translation.ensemble import load_translation_model

Sides = tuple[EncodedText, EncodedText]


def with_parent_settings(experiment: Experiment) -> tuple[Experiment, list[str]]:
    """Returns an experiment with the settings that it has from the run that it goes on from.

    A run that is continued has them itself, and needs the other one no more.

    Returns:
        The experiment, and a line for each setting that is impossible or contradicts the other run.
    """
    path = experiment.run if experiment.resume else experiment.model.initialize
    if not (experiment.model.initialize and path):
        return experiment, []
    try:
        parent = Run(path).experiment(Experiment)
    except RunError:
        return experiment, []  # which preflight tells
    settings = inherited_settings(parent, experiment.data)
    problems = contradictions(experiment, settings, defaults_are_given=False)
    changed, more = inherit(experiment, settings)
    return changed, [*problems, *more]


# --------------------------------------------------------------------------------------------------
# Tokenizers and vocabularies


def make_pipelines(train: ParallelCorpus, data: DataSettings, model: ModelSettings) -> Sides:
    """Tokenizers and vocabularies of both sides, learned or those of other runs; training ids."""
    if data.vocabulary:
        return encode_corpus(Run(data.vocabulary).pipelines(data.subword_sampling), train)
    if model.initialize:
        parents = Run(model.initialize).pipelines(data.subword_sampling)
        return make_pipelines_from(parents, train, data)
    source = load_side("--model.initialize-encoder", model.initialize_encoder, SIDES[0], data)
    target = load_side("--model.initialize-decoder", model.initialize_decoder, SIDES[1], data)
    if source and target:
        return encode_corpus((source, target), train)
    learned = build_pipelines(train.sources, train.targets, data)
    return (
        encode_text(source, train.sources) if source else learned[0],
        encode_text(target, train.targets) if target else learned[1],
    )


def make_pipelines_from(
    parents: tuple[TextPipeline, TextPipeline], train: ParallelCorpus, data: DataSettings
) -> Sides:
    """Those of the run that is gone on from: as they are, extended, or of a new vocabulary."""
    if data.new_vocabulary == "both":
        return build_pipelines(train.sources, train.targets, data)
    if data.joint and data.extend_vocabulary:
        pipeline, ids = extend_pipeline(parents[0], [*train.sources, *train.targets], data)
        count = len(train)
        return EncodedText(pipeline, ids[:count]), EncodedText(pipeline, ids[count:])
    sizes = data.vocab_size, data.target_vocab_size or data.vocab_size
    source, target = (
        build_pipeline(texts, data, kind, size, side="source" if side == SIDES[0] else "target")
        if side == data.new_vocabulary
        else extend_pipeline(parent, texts, data)
        if data.extend_vocabulary
        else encode_text(parent, texts)
        for side, parent, texts, kind, size in zip(
            SIDES, parents, (train.sources, train.targets), data.tokenizers, sizes, strict=True
        )
    )
    return source, target


def load_side(flag: str, path: str, side: str, data: DataSettings) -> TextPipeline | None:
    """Tokenizer and vocabulary of the run that an option names for a side, if it names one.

    Characters that keep white space, as a language model's do, don't: a sentence pair has none but
    single spaces.

    Raises:
        RunError: a file is missing, damaged, or of another run.
        SettingsError: symbols that are to stay whole are none of its symbols.
    """
    if not path:
        return None
    run = Run(path)
    name = side if run.kind == Experiment.KIND else TEXT_SIDE
    pipeline = run.pipeline(name, data.subword_sampling)
    if missing := {*data.symbols}.difference(pipeline.tokenizer.special_symbols):
        raise SettingsError(
            f"{flag} {path} brings its own tokenizer, which would break {', '.join(missing)}: "
            "train that model with the same --data.special-symbols, or leave them out"
        )
    tokenizer = pipeline.tokenizer
    if isinstance(tokenizer, CharacterTokenizer) and tokenizer.keep_white_space:
        plain = CharacterTokenizer(tokenizer.lowercase, tokenizer.special_symbols)
        return TextPipeline(plain, pipeline.vocab)
    return pipeline


def encode_corpus(pipelines: tuple[TextPipeline, TextPipeline], corpus: ParallelCorpus) -> Sides:
    """The ids of both sides of a corpus."""
    source, target = pipelines
    return encode_text(source, corpus.sources), encode_text(target, corpus.targets)


# --------------------------------------------------------------------------------------------------
# Weights


def initialize(
    model: TranslationModel, settings: ModelSettings, source: Vocab, target: Vocab
) -> list[str]:
    """Gives a fresh model the weights of the runs and files that its settings name.

    Returns:
        The names of the weights that other runs gave.

    Raises:
        RunError, DataError: a run or file is missing or damaged.
        SettingsError: weights do not fit.
    """
    names = []
    if path := settings.initialize:
        parent = load_translation_model(Run(path))
        ids = {
            SIDES[0]: old_ids(parent.source.vocab, source),
            SIDES[1]: old_ids(parent.target.vocab, target),
        }
        names += initialize_from_model(model, parent.model, path, ids=ids)
        embeddings = {SIDES[0]: model.encoder.embedding, SIDES[1]: model.decoder.embedding}
        said = [describe_ids(side, ids[side], embeddings[side]) for side in SIDES]
        log_line(f"{path} gives the weights: {', '.join(said)}")
    for part, path in (
        ("encoder", settings.initialize_encoder),
        ("decoder", settings.initialize_decoder),
    ):
        if path:
            names += initialize_part(model, part, Run(path), path)
    if path := settings.source_vectors:
        give_vectors(model.encoder.embedding, path, source, SIDES[0])
    if path := settings.target_vectors:
        give_vectors(model.decoder.embedding, path, target, SIDES[1])
    return names


def describe_ids(side: str, ids: list[int], embedding: Embedding) -> str:
    """How many tokens of a side keep their rows, in words."""
    new = ids.count(NEW)
    frozen = new and not any(weight.requires_grad for weight in embedding.parameters())
    note = " (frozen, they stay as they are drawn)" if frozen else ""
    return f"{len(ids) - new:,} {side} tokens keep their rows, {new:,} are new{note}"


def initialize_part(model: TranslationModel, part: str, run: Run, path: str) -> list[str]:
    """Gives encoder or decoder the weights of a run of either kind; returns their names."""
    if run.kind == Experiment.KIND:
        parent = load_translation_model(run).model
        return initialize_from_model(model, parent, path, part=f"{part}.")
    network = load_network(run).network
    if part == "encoder":
        initialize_encoder(model.encoder, network, path)
    else:
        initialize_decoder(model.decoder, network, path)
    begins = FROM_LANGUAGE_MODEL[part]
    return [name for name, _ in model.named_parameters() if name.startswith(begins)]


def give_vectors(embedding: Embedding, path: str, vocab: Vocab, side: str) -> None:
    """Gives the tokens of a side their word vectors, and says how many have one.

    Raises:
        DataError: none has; or as `read_vectors`.
    """
    flag = f"--model.{side}-vectors {path}"
    vectors = read_vectors(path, vocab)
    if not vectors.ids:
        raise DataError(f"{flag}: no {side} token is in the file: is it of this language?")
    counts = {token: vocab.count(token) for token in vocab}
    seen = sum(counts[token] for token in vocab.tokens(vectors.ids))
    share = 100 * seen / max(sum(counts.values()), 1)
    log_line(
        f"{flag}: {len(vectors.ids):,} of {len(vocab):,} {side} tokens have a vector, "
        f"{share:.1f} % of the training text"
    )
    initialize_embedding(embedding, vectors)
