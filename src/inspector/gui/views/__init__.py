"""Ways to look at one tensor: each says how well it suits, and is built at its first use.

May import: gui, session, checkpoint's summary. Numbers and pixels come from the worker; nothing is computed here.
"""
