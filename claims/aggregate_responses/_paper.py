"""How this row cites its paper, and the assumptions that most of its claims share."""

__all__ = ["FINITE", "GAUSSIAN", "LIMIT", "PAPER", "PROPORTIONAL"]

PAPER = (
    "Javanmard, Chen, Mirrokni, Badanidiyuru, Fu: Learning from Aggregate Responses: Instance Level versus Bag Level "
    "Loss Functions (ICLR 2024, arXiv 2401.11081)"
)
GAUSSIAN = "rows x ~ N(0, I), bags formed without regard to features and labels"
FINITE = "any n, d and number of bags in the range stated: no limit is taken"
PROPORTIONAL = "n, d -> infinity at fixed n/d and bag size; at finite size the mean differs by O(1/d)"
LIMIT = "a property of the proportional limit (ar.T1), not of single data sets"
