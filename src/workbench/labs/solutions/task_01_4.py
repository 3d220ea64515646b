"""Task 01.4: from how many answers a month an own machine is cheaper."""

import math


def break_even(tokens_in, tokens_out, usd_in, usd_out, rent_per_hour, hours=730):
    per_answer = (tokens_in * usd_in + tokens_out * usd_out) / 1_000_000
    if per_answer == 0:
        return None
    return math.ceil(rent_per_hour * hours / per_answer)
