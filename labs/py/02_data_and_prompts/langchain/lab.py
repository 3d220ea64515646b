# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab · LangChain in place of our own pipeline
#
# LangChain is the framework that most people meet first: documents, splitters, embeddings, vector
# stores, prompts and models all have one shape each, and a chain joins them with `|`. This lab does the
# work of notebook 2 and the first half of notebook 3 with it, and puts both on the same golden questions.
#
# **Swaps:** loading, splitting, the vector search, the prompt and the chain. **Keeps:** the documents,
# the models (`all-minilm` and `smollm2:135m`, through Ollama), Chroma, the questions and the scores.
# **Takes** about two minutes and 2 GB. **Environment:** the course's own.

# %% tags=["parameters"]
profile = "fast"
model = "smollm2:135m"
k = 3
chunk_characters = 1000
overlap_characters = 200
questions_asked = 8

# %%
import workbench as wb
from workbench import display

session = wb.start("lab_langchain", profile, models=[model, "all-minilm"])

# %% [markdown]
# ## Load
#
# A loader is a class with one method that yields documents. This one does what many a tutorial does: all
# of a web page's text, all of a PDF's text, files as they are. **Predict:** what will come along that
# no passenger ever asked for?

# %%
from pathlib import Path

from bs4 import BeautifulSoup
from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from pypdf import PdfReader

readers = {
    ".html": lambda path: BeautifulSoup(path.read_bytes(), "lxml").get_text("\n"),
    ".pdf": lambda path: "\n".join(page.extract_text() for page in PdfReader(path).pages),
    ".eml": lambda path: path.read_text("utf-8", errors="replace"),
    ".md": lambda path: path.read_text("utf-8"),
    ".txt": lambda path: path.read_text("utf-8", errors="replace"),
}


class FolderLoader(BaseLoader):
    """Every file of a folder as it comes."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def lazy_load(self):
        for path in sorted(self.folder.rglob("*")):
            if path.suffix in readers:
                source = path.relative_to(self.folder).with_suffix("").as_posix()
                yield Document(readers[path.suffix](path), metadata={"document": source})


from workbench.settings import settings

folder = settings().data / "corpus"
plain = FolderLoader(folder).load()
page = next(d for d in plain if d.metadata["document"] == "pets")
display.note("> {page}", page=" ".join(page.page_content.split())[:600] + " …")

# %% [markdown]
# The second set of documents is the same folder through the workbench's cleaning, so that cleaning
# and framework can be told apart in the result.

# %%
from workbench import corpus

clean = [Document(d.text, metadata={"document": d.id}) for d in corpus.load(folder)]
assert {d.metadata["document"] for d in clean} == {d.metadata["document"] for d in plain}
display.table(
    [
        {"loaded by": name, "documents": len(docs),
         "words": sum(len(d.page_content.split()) for d in docs)}
        for name, docs in (("a plain loader", plain), ("the workbench", clean))
    ],
    caption="The same folder, loaded twice",
)

# %% [markdown]
# ## Split, embed, store
#
# `RecursiveCharacterTextSplitter` is LangChain's usual choice: it cuts at blank lines, then at line
# ends, then at spaces, until a piece has fewer than so many characters. It knows nothing of headings
# or tables.

# %%
import time

from langchain_chroma import Chroma
from langchain_ollama import OllamaEmbeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter

splitter = RecursiveCharacterTextSplitter(
    chunk_size=chunk_characters, chunk_overlap=overlap_characters
)
embeddings = OllamaEmbeddings(model="all-minilm", base_url=session.host)
stores, seconds = {}, {}
for name, docs in {"plain": plain, "clean": clean}.items():
    began = time.perf_counter()
    pieces = splitter.split_documents(docs)
    stores[name] = Chroma(f"lab-langchain-{name}", embeddings,
                          collection_metadata={"hnsw:space": "cosine"})
    stores[name].add_documents(pieces)
    seconds[name] = time.perf_counter() - began
display.table(
    [{"store": n, "pieces": s._collection.count(), "seconds": seconds[n]} for n, s in stores.items()],
    caption="Split, embedded and stored by LangChain", formats={"seconds": "{:.1f}"},
)

# %% [markdown]
# ## A chain that answers with its sources
#
# Each step is a *runnable*; `|` joins them. The retriever's documents go two ways: into the prompt,
# and straight to the result, so that the answer can name its sources.

# %%
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_ollama import ChatOllama

from workbench import prompts

house = prompts.get("answer", 2)  # the same words for both
template = ChatPromptTemplate.from_messages(list(house.messages))
llm = ChatOllama(
    model=model, base_url=session.host, temperature=0, seed=7, repeat_penalty=1.0,
    num_ctx=4096, num_predict=96,
)


def as_passages(found):
    """Passages as our prompt wants them: each under its document's id in brackets."""
    return "\n\n".join(f"[{d.metadata['document']}]\n{d.page_content}" for d in found)


def chain_of(store):
    """Question -> question, the documents found, and the answer made from them."""
    answer = (
        {"question": lambda x: x["question"], "passages": lambda x: as_passages(x["found"])}
        | template | llm | StrOutputParser()
    )
    retrieve = {
        "question": RunnablePassthrough(),
        "found": store.as_retriever(search_kwargs={"k": k}),
    }
    return retrieve | RunnablePassthrough.assign(answer=answer)


chain = chain_of(stores["clean"])
result = chain.invoke("How long is an Islander Card valid?")
sources = list(dict.fromkeys(d.metadata["document"] for d in result["found"]))
display.note("> {answer}\n\nSources: {sources}", answer=result["answer"], sources=", ".join(sources))

# %% [markdown]
# (Does the answer go on with headings of its own, or repeat itself until it is cut? That is the small
# model and not the chain, and `num_predict` is what ends it. Phase 3 deals with it.)
#
# The chain streams too: a user sees the first words while the rest is being written.

# %%
streamed = []
for part in chain.stream("May my dog travel on deck?"):
    if "answer" in part:
        streamed.append(part["answer"])
display.pieces([p for p in streamed if p], "the pieces of a streamed answer")

# %% [markdown]
# ## Side by side: what is found
#
# Six lines make a LangChain store look like one of our retrievers, so that the same scores apply: is a
# passage of the right document among the first five, and how far up?

# %%
from workbench import chunking, golden, retrieval
from workbench.evals import intervals
from workbench.evals.retrieval_scores import hit_curve


class Adapter:
    """A LangChain store with the search of a workbench retriever."""

    def __init__(self, store):
        self.store = store

    def search(self, query, k=5, **_):
        found = self.store.similarity_search_with_score(query, k=k)
        return [
            retrieval.Hit(chunking.Chunk(str(i), d.metadata["document"], d.page_content), 1 - s, i)
            for i, (d, s) in enumerate(found, 1)
        ]


questions = [q for q in golden.load(split="dev") if q.evidence]
arms = {
    "LangChain, plain loader": Adapter(stores["plain"]),
    "LangChain, our cleaning": Adapter(stores["clean"]),
    "the workbench": retrieval.of_folder(),
}
curves = {name: hit_curve(arm, questions) for name, arm in arms.items()}
ours = curves["the workbench"]
rows = []
for name, curve in curves.items():
    hit = intervals.share(curve.found_by(5))
    change = intervals.paired(curve.found_by(5), ours.found_by(5))
    against = f"{change.value:+.2f} [{change.low:+.2f}, {change.high:+.2f}]"
    rows.append({
        "pipeline": name, "hit at 5": str(hit), "MRR": curve.mrr,
        "against the workbench": "" if curve is ours else against,
        "ms a search": curve.median_ms,
    })
    wb.metric(f"hit_at_5_{name.split(',')[-1].strip().replace(' ', '_')}", hit.value, show=False)
display.table(rows, caption=f"Retrieval on {len(questions)} dev questions, paired differences",
              formats={"MRR": "{:.2f}", "ms a search": "{:.0f}"})

# %% [markdown]
# ## Side by side: what is answered

# %%
from workbench import rag
from workbench.evals import candidates, metrics

asked = candidates.spread(questions, questions_asked)
answers = {name: [chain_of(stores[s]).invoke(q.question)["answer"] for q in asked]
           for name, s in (("LangChain, plain loader", "plain"), ("LangChain, our cleaning", "clean"))}
assistant = rag.Assistant(arms["the workbench"], model=model, version=2, k=k, cache=True)
answers["the workbench"] = [assistant.ask(q.question).text for q in asked]
table = []
for name, texts in answers.items():
    right = [metrics.correct(t, q.accept, q.type) for t, q in zip(texts, asked)]
    cited = [metrics.cites_evidence(t, q.documents) for t, q in zip(texts, asked)]
    table.append({"pipeline": name, "right": str(intervals.share(right)),
                  "cites a right document": str(intervals.share(cited))})
display.table(table, caption=f"The same {len(asked)} questions, the same model and prompt")

# %%
best, plain_hit = intervals.share(ours.found_by(5)), intervals.share(curves["LangChain, plain loader"].found_by(5))
display.note(
    "Finding is measured on {n} questions, answering on {m}: the second table can show a disaster and "
    "nothing finer. With the plain loader the right document was among the first five for {plain:.0%} of "
    "the questions, with our pipeline for {best:.0%}. Between the first two lines of the first table only "
    "the cleaning differs; between the last two, splitting and the search (ours adds word search to the "
    "vectors). Neither is LangChain's doing: it would take our chunks as gladly. What it brings is one shape for every "
    "part and integrations for hundreds of services; what it costs is another layer to read when "
    "something is wrong, and releases that move (its community package, home of most loaders in older "
    "tutorials, is no longer maintained).",
    n=len(questions), m=len(asked), plain=plain_hit.value, best=best.value,
)

# %% [markdown]
# **Change this and run again:** `chunk_characters = 400`; `search_type="mmr"` in `as_retriever`, which
# trades likeness for variety; our `chunking.split` in place of LangChain's splitter.
