//! close-loop.
