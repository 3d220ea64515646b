"""One module a task: what its check tries, and what it says about each way to go wrong."""
