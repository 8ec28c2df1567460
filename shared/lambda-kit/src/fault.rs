//! Why an invocation failed.

use std::error::Error;
use std::fmt;

/// A failure that ends an invocation: logged once by the shell, then the platform tries again (or answers 500).
///
/// Built from any error by `?`. It is no [`Error`] itself, so that it cannot hide inside another one. Its text is
/// logged: errors that become faults must not carry a customer's words, contacts or tokens.
#[derive(Debug)]
pub struct Fault {
    doing: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A failure said in words, as a fragment that fits "failed: ...".
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            doing: Some(what.into()),
            source: None,
        }
    }

    /// A failure while doing something (`"read the case"`), because of `source`.
    pub fn doing(
        doing: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            doing: Some(doing.into()),
            source: Some(source.into()),
        }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Fault {
    fn from(source: E) -> Self {
        Self {
            doing: None,
            source: Some(Box::new(source)),
        }
    }
}

/// The failure and its causes, each said once, separated by colons.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(doing) = &self.doing {
            f.write_str(doing)?;
            separator = ": ";
        }
        let mut cause = self.source.as_deref().map(|source| source as &dyn Error);
        while let Some(error) = cause {
            write!(f, "{separator}{error}")?;
            separator = ": ";
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_tells_its_causes() {
        let cause = "x".parse::<u32>().unwrap_err();
        assert_eq!(
            Fault::doing("read the version", cause).to_string(),
            "read the version: invalid digit found in string"
        );
        assert_eq!(Fault::new("no table").to_string(), "no table");
    }
}
