"""Around a run: tensors in files, bundled kernels and models, checks against independent results."""
