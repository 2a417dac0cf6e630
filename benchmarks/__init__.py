"""How fast a run is, beside octoDNS and beside a loop of the documentation's own samples; `make bench` runs it."""
