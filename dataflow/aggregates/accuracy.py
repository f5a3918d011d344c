"""How fine the approximate aggregates are, and the codes in which a histogram keeps its buckets."""

KMV_K = 1024
"""Size of a k-minimum-values sketch: exact below, relative standard error 1/sqrt(k - 2) above."""

QUANTILE_ERROR = 0.01
"""Relative error of approx_quantile: bucket i of its log histogram holds (g^(i-1), g^i], g = (1 + e) / (1 - e)."""

QUANTILE_GAMMA = (1 + QUANTILE_ERROR) / (1 - QUANTILE_ERROR)

MAX_BUCKET = 20_000
"""Buckets end at i = -MAX_BUCKET and MAX_BUCKET; what lies beyond counts in the last one."""

BUCKET_SHIFT = MAX_BUCKET + 1
"""Bucket codes (int32) have the order and the sign of the values: 0 for zero; bucket i of a positive value is
i + BUCKET_SHIFT (1 .. 40001); of a negative value, by its magnitude, -(i + BUCKET_SHIFT). A code c != 0 stands for
sign(c) * 2 * g^(|c| - BUCKET_SHIFT) / (g + 1)."""
