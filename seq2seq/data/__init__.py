"""Text -> ids: vocabulary, tokenizers, readers, corpora, batches, windows."""
