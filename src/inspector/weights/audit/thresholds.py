"""From where on the audit tells of something. `docs/audit.md` explains each of them to the person.

They were chosen so that trained weights which work raise no alarm: the most extreme of those that were seen is named
where it helps. A rule that says nothing about a broken file is a pity; one that cries wolf is read by nobody.
"""

from __future__ import annotations

MIN_CONSTANT = 16
"""Weights of one value are told of from this many elements on: a 3 × 3 kernel of ones is somebody's blur filter."""

MIN_DUPLICATE_SLICE = 8
"""Filters of fewer values than this may well be equal by chance, in quantized weights above all."""

COARSE_SLICE = 32
"""Filters of fewer values that are equal are most often the work of quantization: depthwise 3 × 3 ones, say."""

FEW_DUPLICATES = 0.05
"""Below this share of a layer's filters, equal coarse ones are told of as information only (seen: 26 of 960)."""

EMBEDDING_DEAD_SHARE = 0.01
"""Rows of zeros that an embedding may have, and one in any case: that of its ``padding_idx``, and those that only fill
a vocabulary up to a round number."""

EXPLODED_VARIANCE = 1e6
"""A batch norm's running variance beyond this is told of. The largest seen in weights that work is 488; inputs that
were not scaled, of 0 to 255, give some 10,000."""

HOPELESS_VARIANCE = 1e12
"""Activations of a million, as this stands for, have left float16 behind and are leaving float32's precision."""

UNLIKE_VARIANCE = 1e4
"""A running variance beyond this and..."""

UNLIKE_RATIO = 1e5
"""...so many times the model's median layer's is told of, whatever it is in itself."""

COLLAPSED_VARIANCE = 1e-8
"""A layer whose every channel varies less than this is constant: batch norm adds 1e-5 before it divides."""

COLLAPSED_SHARE = 0.5
"""So many channels of exactly no variance mean a layer that has died; a few go with dead filters and are healthy."""

FOLDED_SLACK = 2e-3
"""How far below 1 a folded batch norm's variance may lie: some tools leave room for its epsilon (up to 1e-3)."""

OUTLIER_DEVIATIONS = 100.0
"""A weight so many standard deviations off its tensor's mean is told of, as information: nearly all that was seen in
weights that work stays below 34, but a layer that was fused from several has 143."""

OUTLIER_SHARE = 0.5
"""One value that makes up so much of the whole tensor's variance is told of too (usual: at most 0.05)..."""

OUTLIER_NUMEL = 1_000
"""...in tensors of so many elements: in small ones a single value always weighs much."""

HUGE_WEIGHT = 1e4
"""Weights of layers are far below 100 in all that was seen; beyond this, training has diverged."""

FLOAT16_RISK = 32_768.0
"""Half of what float16 holds at the most (65,504): one addition more and it is Inf."""

FLOAT16_MAX = 65_504.0
"""What float16 can't hold any more."""

WASTED_BYTES = 1 << 20
"""A storage with so many unused bytes..."""

WASTED_SHARE = 0.5
"""...that are so much of it was saved along with a mere view of it."""

HUGE_CONSTANT_BYTES = 16 << 20
"""Tensors of one value are worth no bytes; from here on it is told."""

LARGE_MODEL_BYTES = 10_000_000
"""One tensor makes up most of many a small model; below this size it says nothing."""

LARGEST_SHARE = 0.5
"""One tensor that holds more than this of all bytes and is no matrix (a classifier, an embedding) is told of."""

MIN_TESTED = 64
"""Weights of fewer elements say nothing about how they are distributed."""

SURE_UNIFORM = 256
"""From so many elements on, that all keep within the bounds of a uniform initial distribution, reach them and are
spread evenly is no accident: training carries weights beyond them within a few steps."""

SURE_NORMAL = 50_000
"""Trained weights look much like a normal distribution, so that a single layer must have so many elements for its
spread, mean and shape to tell that it is the initial one: within 1.3 %, 1.8 % and 1 %."""

STANDARD_ERRORS = 4.0
"""How many standard errors the spread and the mean of random weights may be off: once in 16,000 by chance."""

EDGE = 28.0
"""The outermost of n uniform values leaves less than this part of n of the range free on its side (e^-14 by chance)."""

SHAPE = 2.2
"""The Kolmogorov-Smirnov distance from an initial distribution, times √n, at most (once in 8,000 by chance)."""

NOISE = 1e-4
"""Biases that are drawn at all are drawn within 1e-5 of zero, or within the bounds of torch's default; training takes
them beyond."""

WHOLE_MODEL = 0.9
"""So many of a model's weights at their initial distribution make the whole model untrained."""

WHOLE_MODEL_SURE = 0.5
"""...if so many of all their elements are in layers that tell by themselves."""
