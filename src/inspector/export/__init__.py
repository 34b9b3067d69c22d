"""Files that people take away: clean copies of checkpoints; tables and reports are still to come.

The way of a copy: in the reader process ``plan`` says what of a checkpoint goes into it, as data. In a worker process
of its own ``convert`` writes that: ``layout`` lays tensors on storages, ``tensor_stream`` reads their bytes in pieces,
``torch_file`` (on ``torch_pickle`` and ``torch_archive``) and ``safetensors_file`` write the two formats, and
``target`` puts the file in place whole or not at all.

May import: checkpoint, which imports numpy where a tensor's elements are rearranged; ``plan`` runs in the reader, so
it never reads a tensor. Never Qt, never torch.
"""
