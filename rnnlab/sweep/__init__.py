"""From many runs to many records: which runs share a pack, where packs are computed, and what becomes of results."""
