"""The five agents, thin: each gives its model a task and checks the answer; the work is done by the packages beside."""
