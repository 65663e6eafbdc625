"""The benchmark of resopro: see tests/bench/README.md."""
