"""Files that people take away: clean copies of checkpoints, their tensors as arrays, tables and reports.

The way of a copy: in the reader process ``plan`` says what of a checkpoint goes into it, as data. In a worker process
of its own ``convert`` writes that: ``layout`` lays tensors on storages, ``tensor_stream`` reads their bytes in pieces,
``torch_file`` (on ``torch_pickle`` and ``torch_archive``) and ``safetensors_file`` write the two formats, and
``target`` puts the file in place whole or not at all.

``arrays`` writes tensors as NumPy's own files, ``report`` (with all ``report_*``) a checkpoint as one page of HTML.

May import: checkpoint (which imports numpy where elements are rearranged) and weights (which always does), the latter
in what ``report`` draws alone: ``plan`` runs in the reader, so it never reads a tensor. Never Qt, never torch.
"""
