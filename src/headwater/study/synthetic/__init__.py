"""The paper's synthetic ridge experiments."""
