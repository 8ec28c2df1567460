//! aggregate-nps.
