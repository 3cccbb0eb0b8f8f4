"""A trained model -> ONNX files, which translate without torch."""
