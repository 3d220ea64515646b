# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab · Qdrant in place of Chroma
#
# Qdrant is a vector database of its own, written in Rust and usually run as a server. Its Python client also
# has an *embedded mode*: the same calls, no server, everything in a local folder. This lab keeps our
# chunks and our embeddings and swaps only the store, so that any difference comes from there.
#
# **Swaps:** the vector store. **Keeps:** documents, chunks, vectors, questions, scores.
# **Takes** about a minute and 1 GB. **Environment:** the course's own.
#
# **With a server:** set `qdrant_url` (or the variable `QDRANT_URL`) to a running Qdrant, say
# `http://localhost:6333`. It is then measured beside the embedded mode; without one this is said, and
# nothing is left undone.

# %% tags=["parameters"]
profile = "fast"
qdrant_url = ""
many = 10000

# %%
import workbench as wb
from workbench import display

session = wb.start("lab_qdrant", profile, models=["all-minilm"])

# %% [markdown]
# ## The same chunks and vectors
#
# They are taken out of the workbench's Chroma index as they are.

# %%
import numpy as np

from workbench import retrieval

ours = retrieval.of_folder()
stored = ours.collection.get(include=["embeddings", "documents", "metadatas"])
vectors = np.array(stored["embeddings"], dtype=np.float32)
display.note("{n} chunks, {d} numbers each.", n=len(vectors), d=vectors.shape[1])

# %% [markdown]
# ## A collection, points and payload
#
# What Chroma calls metadata is a *payload* here; a *point* is a vector with an id and a payload.

# %%
import os

from qdrant_client import QdrantClient, models

where = session.artifacts / "labs" / "qdrant"
clients = {"Qdrant, embedded": QdrantClient(path=str(where))}
url = qdrant_url or os.environ.get("QDRANT_URL", "http://localhost:6333")
try:
    server = QdrantClient(url=url, timeout=3, check_compatibility=False)
    server.get_collections()
    clients["Qdrant, server"] = server
    said = f"A Qdrant server answers at {url}: it is measured too."
except Exception as error:  # whatever an absent server or a proxy says
    said = f"No Qdrant server answers at {url} ({type(error).__name__}): the embedded mode alone."
display.note("{said}", said=said)


# %%
def fill(client):
    """Chunks and vectors into a fresh collection."""
    if client.collection_exists("chunks"):
        client.delete_collection("chunks")
    size = models.VectorParams(size=vectors.shape[1], distance=models.Distance.COSINE)
    client.create_collection("chunks", vectors_config=size)
    client.upsert("chunks", [
        models.PointStruct(id=n, vector=v.tolist(), payload={**meta, "text": text})
        for n, (v, meta, text) in enumerate(
            zip(vectors, stored["metadatas"], stored["documents"], strict=True))
    ])


for client in clients.values():
    fill(client)
display.table(
    [{"store": n, "points": c.count("chunks").count} for n, c in clients.items()],
    caption="Filled",
)

# %% [markdown]
# ## Filter, update, delete
#
# A filter has three lists: `must`, `should`, `must_not`. Payload can be changed without touching the vector,
# and points can be deleted by filter, without rebuilding anything.

# %%
client = clients["Qdrant, embedded"]


def only(key, value):
    """The filter that keeps points with this value."""
    return models.Filter(must=[models.FieldCondition(key=key, match=models.MatchValue(value=value))])


asked = ours.embedding.get_query_embedding("May I bring my dog on the night crossing?")
steps = []
for what, condition in (("everything", None), ("PDF only", only("kind", "pdf"))):
    found = client.query_points("chunks", query=asked, query_filter=condition, limit=1).points[0]
    steps.append({"searched": what, "best": found.payload["document"], "cosine": found.score})
client.set_payload("chunks", {"reviewed": "2026-07-12"}, points=only("document", "pets"))
reviewed = client.count("chunks", count_filter=only("reviewed", "2026-07-12")).count
before = client.count("chunks").count
client.delete("chunks", points_selector=models.FilterSelector(filter=only("document", "pets")))
after = client.count("chunks").count
fill(client)  # all of it again, for what follows
display.table(steps, caption="A filter changes what is found", formats={"cosine": "{:.2f}"})

# %%
display.note(
    "The page on pets has {r} points: all got a new field, and deleting them by filter left {a} of {b}.",
    r=reviewed, a=after, b=before,
)

# %% [markdown]
# ## Side by side on the golden questions
#
# Vectors alone, in both stores. Chroma looks in a graph of neighbours (*HNSW*), which may miss one
# now and then; Qdrant's embedded mode compares with every vector, which is exact and gets slower as the
# collection grows. **Predict:** will the stores find different documents?

# %%
from workbench import chunking, golden
from workbench.evals import intervals
from workbench.evals.retrieval_scores import hit_curve


class Adapter:
    """A Qdrant collection with the search of a workbench retriever."""

    def __init__(self, client):
        self.client = client

    def search(self, query, k=5, **_):
        vector = ours.embedding.get_query_embedding(query)
        found = self.client.query_points("chunks", query=vector, limit=k).points
        return [
            retrieval.Hit(
                chunking.Chunk(str(p.id), p.payload["document"], p.payload["text"]), p.score, r
            )
            for r, p in enumerate(found, 1)
        ]


questions = [q for q in golden.load(split="dev") if q.evidence]
curves = {"Chroma, vectors alone": hit_curve(ours, questions, dense_weight=1.0)}
curves |= {name: hit_curve(Adapter(c), questions) for name, c in clients.items()}
chroma = curves["Chroma, vectors alone"]
rows = []
for name, curve in curves.items():
    hit = intervals.share(curve.found_by(5))
    change = intervals.paired(curve.found_by(5), chroma.found_by(5))
    rows.append({
        "store": name, "hit at 5": str(hit), "MRR": curve.mrr,
        "same rank as Chroma": np.mean(np.array(curve.ranks) == np.array(chroma.ranks)),
        "difference": "" if curve is chroma
        else f"{change.value:+.2f} [{change.low:+.2f}, {change.high:+.2f}]",
        "ms a search": curve.median_ms,
    })
    wb.metric(f"hit_at_5_{name.split(',')[0].lower()}", hit.value, show=False)
display.table(rows, caption=f"{len(questions)} dev questions; the time includes embedding the question",
              formats={"MRR": "{:.3f}", "same rank as Chroma": "{:.0%}", "ms a search": "{:.0f}"})

# %% [markdown]
# ## When it grows
#
# The same search over made-up vectors, without the embedding of the question: our collection, then ten
# thousand points.

# %%
import time

import chromadb

rng = np.random.default_rng(7)
noise = rng.normal(size=(many, vectors.shape[1])).astype(np.float32)
probes = rng.normal(size=(50, vectors.shape[1])).astype(np.float32)
memory = QdrantClient(":memory:")
memory.create_collection("many", vectors_config=models.VectorParams(
    size=vectors.shape[1], distance=models.Distance.COSINE))
memory.upload_collection("many", vectors=noise, ids=range(many))
chroma_many = chromadb.EphemeralClient().get_or_create_collection(
    "many", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None)
for start in range(0, many, 2000):
    part = slice(start, min(start + 2000, many))
    chroma_many.add([str(i) for i in range(part.start, part.stop)], embeddings=noise[part])


def milliseconds(search):
    """Median time of a search over the probes."""
    times = []
    for probe in probes:
        began = time.perf_counter()
        search(probe)
        times.append(1000 * (time.perf_counter() - began))
    return float(np.median(times))


in_qdrant = [{p.id for p in memory.query_points("many", query=v, limit=10).points} for v in probes]
in_chroma = [set(map(int, chroma_many.query([v], n_results=10)["ids"][0])) for v in probes]
overlap = np.mean([len(a & b) / 10 for a, b in zip(in_qdrant, in_chroma)])
display.table(
    [
        {"store": "Qdrant, embedded (exact)",
         "ms": milliseconds(lambda v: memory.query_points("many", query=v, limit=10))},
        {"store": "Chroma (HNSW)", "ms": milliseconds(lambda v: chroma_many.query([v], n_results=10))},
    ],
    caption=f"{many:,} vectors, median of {len(probes)} searches", formats={"ms": "{:.1f}"},
)

# %%
for client in clients.values():
    client.close()
display.note(
    "Of the ten nearest by exact search Chroma's graph found {overlap:.0%}. Random vectors are the "
    "hardest case for such a graph, since nothing is really near anything; on our real chunks both "
    "stores agreed on the rank for {same:.0%} of the questions. Choose a store by what surrounds the search "
    "(filters, backups, several writers, a server or none), not by a hit rate: with the same "
    "vectors there is little to gain there.",
    overlap=overlap, same=rows[1]["same rank as Chroma"],
)

# %% [markdown]
# **Change this and run again:** `many = 50000`; `must_not` in the filter; a Qdrant server, if you have one
# (`docker run -p 6333:6333 qdrant/qdrant`).
