"""The gateway under mixed traffic for an hour: what clients saw held against what it wrote down. docs/endurance.md."""
