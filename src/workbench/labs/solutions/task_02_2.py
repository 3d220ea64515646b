"""Task 02.2: what an index has to do after its folder has changed."""

import hashlib


def changes(index, documents):
    now = {
        name: hashlib.sha256(text.encode("utf-8")).hexdigest() for name, text in documents.items()
    }
    return {
        "add": now.keys() - index.keys(),
        "change": {name for name in now.keys() & index.keys() if now[name] != index[name]},
        "remove": index.keys() - now.keys(),
    }
