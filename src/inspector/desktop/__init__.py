"""The person's desktop: file associations, one running instance, settings, recent files, logs, crash reports.

May import: PySide6 (in the modules that say so), session, and what is below. Never torch.
"""
