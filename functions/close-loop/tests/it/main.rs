//! The function as its queue calls it: recorded events in; letters, ledger and log out, over a real table.

#[cfg(test)]
mod letters;
#[cfg(test)]
mod once;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod support;
