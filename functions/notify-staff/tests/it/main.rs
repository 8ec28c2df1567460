//! The function as its queue calls it: recorded events in; alerts, ledger and log out, over a real table.

#[cfg(test)]
mod alerts;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod support;
