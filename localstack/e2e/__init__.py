"""End-to-end tests: the whole platform on a running local stack, used as its users use it. See README.md."""
