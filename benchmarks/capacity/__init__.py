"""``python -m benchmarks.capacity``: what a machine carries, and how the cost grows. See docs/capacity.md."""
