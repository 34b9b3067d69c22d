"""A tensor's numbers turned into statistics, histograms and pictures. Pure numpy functions.

May import: checkpoint, numpy, ml_dtypes. Never torch, never Qt. Runs in the worker process.
"""
