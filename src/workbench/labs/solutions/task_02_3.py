"""Task 02.3: evidence that reaches the prompt."""


def evidence_recall(passages, quotes, budget):
    if not quotes:
        return None
    taken, used = [], 0
    for passage in passages:
        used += len(passage.split())
        if used > budget:
            break
        taken.append(" ".join(passage.split()))
    found = [any(" ".join(quote.split()) in text for text in taken) for quote in quotes]
    return sum(found) / len(quotes)
