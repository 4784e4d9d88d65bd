"""From many runs to many records: which runs share a pack, who computes packs, and what becomes of results."""
