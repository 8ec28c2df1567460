//! The functions that this process can run, by their names in the template.

use std::collections::BTreeMap;

use resound_lambda_kit::aws::{Clients, Settings};
use resound_lambda_kit::config::{ConfigFaults, Recorded, Vars};
use resound_lambda_kit::{BoxedFunction, Function};

/// Makes the clients of a function; tests put faults between them and AWS.
pub type MakeClients = dyn Fn(&Settings) -> Clients + Send + Sync;

type Build = Box<dyn Fn(Vars, &MakeClients) -> Result<BoxedFunction, ConfigFaults> + Send + Sync>;

/// How each function is built from its variables, as its `main` does it.
#[derive(Default)]
pub struct Registry {
    builds: BTreeMap<&'static str, Build>,
}

impl Registry {
    /// No functions.
    pub fn new() -> Self {
        Self::default()
    }

    /// These and one more, from the arguments of its [`resound_lambda_kit::run`].
    #[must_use]
    pub fn with<C: 'static, F: Function + 'static>(
        mut self,
        read: impl Fn(&mut Vars) -> Result<C, Recorded> + Send + Sync + 'static,
        build: impl Fn(C, &Clients) -> F + Send + Sync + 'static,
    ) -> Self {
        let build: Build = Box::new(move |vars, clients| {
            let (settings, config) = vars.read(|vars| {
                let settings = Settings::read(vars);
                let config = read(vars);
                Ok((settings?, config?))
            })?;
            Ok(build(config, &clients(&settings)).erase())
        });
        self.builds.insert(F::NAME, build);
        self
    }

    /// Builds a function; `None` if there is none of this name.
    pub fn build(
        &self,
        name: &str,
        vars: Vars,
        clients: &MakeClients,
    ) -> Option<Result<BoxedFunction, ConfigFaults>> {
        self.builds.get(name).map(|build| build(vars, clients))
    }
}
