"""The demo: bundled patients, older ones the source and thirty younger ones the target."""
