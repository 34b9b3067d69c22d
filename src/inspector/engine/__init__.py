"""The only room that imports torch: devices, attach, predict.

May import: torch, torchvision, numpy, pillow, and architectures, pictures, checkpoint. Never Qt, nothing else of
ours. It runs in a process of its own, possibly on another Python than the window's (>= 3.11, torch >= 2.6).
"""
