"""The population side: risks and optimal penalties from the theory; knows no data."""
