"""Task 01.1: bytes of a key-value cache."""


def kv_cache_bytes(shape, tokens, batch=1):
    per_token = 2 * shape["layers"] * shape["kv_heads"] * shape["head_dim"]
    return per_token * shape["bytes_per_value"] * tokens * batch
