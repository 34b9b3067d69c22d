"""A tensor's numbers turned into statistics, histograms and pictures. Pure numpy functions.

May import: checkpoint, numpy, ml_dtypes, pillow (which counts bytes faster than numpy). Never torch, never Qt. Runs in
the worker process.
"""
