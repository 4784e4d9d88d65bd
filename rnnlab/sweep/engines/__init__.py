"""Where packs can be computed: an adapter each behind the protocol of rnnlab.sweep.engine."""
