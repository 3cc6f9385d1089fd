"""How this row cites its paper, and the assumptions that most of its claims share."""

__all__ = ["ABSTRACT", "CONSTANT", "DECREASING", "DERIVED", "LADDER", "LOSSES", "MEAN_FIELD", "PAPER"]

PAPER = (
    "Aubert, Lehericy, Reynaud-Bouret: On the convergence of the MLE as an estimator of the learning rate in the Exp3 "
    "algorithm (ICML 2023, PMLR 202:1244-1275, arXiv 2305.06660)"
)
ABSTRACT = "the paper's abstract and a summary by others; its constants and exponents were not seen and are not these"
DERIVED = "derived; not in the paper"
LOSSES = (
    "Exp3 on losses without mixing: p = softmax(y), y_a falls by eta l/p_a for the drawn arm a; a candidate divides by "
    "its own probabilities"
)
CONSTANT = "one learning rate, the same for every horizon"
DECREASING = "eta = theta n^-alpha with alpha in (0, 1): constant within a run, smaller for longer runs"
LADDER = "one arm pays the constant loss l, the others nothing"
MEAN_FIELD = "eta -> 0 at fixed scaled time S = eta T; at finite eta the error is O(eta)"
