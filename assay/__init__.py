"""The engine: verdicts, store, sweeps, published data, report, command line; it knows no paper."""
