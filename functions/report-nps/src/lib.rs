//! report-nps.
