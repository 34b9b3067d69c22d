"""Tables, reports and clean checkpoints: the room of the verbs ``convert`` and ``report``, still to come.

May import: processes and what is below. Never Qt, never torch.
"""
