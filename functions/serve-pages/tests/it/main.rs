//! The function as the gateway calls it: recorded events in, responses out, over a real table.

#[cfg(test)]
mod api;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod support;
