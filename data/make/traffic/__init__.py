"""Where the simulated traffic comes from: the plan, the questions, and the steps that use them."""
