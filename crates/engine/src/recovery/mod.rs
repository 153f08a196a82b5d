//! Round-trip times, loss and congestion.
