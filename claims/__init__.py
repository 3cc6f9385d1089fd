"""The ledger: one module a paper joins what theory predicts to what the simulation measures."""
