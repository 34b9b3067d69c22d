"""Tables, reports and clean checkpoints. (Filled by the verbs ``convert`` and ``report``.)

May import: processes and what is below. Never Qt, never torch."""
