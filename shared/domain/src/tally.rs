//! Tallies: counts of scores. Derived data; they merge, and scores are computed from them.
