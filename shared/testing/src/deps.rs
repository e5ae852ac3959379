//! Dependencies in tests: with every use let pass, for what furnishes a test; and for a function, with what its row
//! grants. A function that does more than its row grants fails the test that sees it, by name.

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::Write,
    ops::Deref,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use contracts::{
    Function, Row,
    gate::{Gate, Use},
};
use runtime::{Boot, Clock, Deps, Extra, Granted, outbound::Outbound};

/// [`Deps`] without a row, and what functions' own are made from.
#[derive(Clone)]
pub struct TestDeps {
    deps: Deps,
    boot: Boot,
}

impl std::fmt::Debug for TestDeps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TestDeps")
    }
}

impl Deref for TestDeps {
    type Target = Deps;

    fn deref(&self) -> &Deps {
        &self.deps
    }
}

impl TestDeps {
    pub(crate) fn new(boot: Boot) -> Self {
        let boot = Boot { gate: Gate::open().witnessed(Arc::new(witness)), ..boot };
        Self { deps: Deps::new(&boot), boot }
    }

    /// What the handler of a function is handed.
    pub fn granted<F: Function, X: Extra>(&self) -> Granted<F, X> {
        Granted::from_boot(&self.boot)
    }

    /// What everything here is made from.
    pub fn boot(&self) -> &Boot {
        &self.boot
    }

    /// The same with another way to other people's APIs.
    pub fn outbound(&self, outbound: Outbound) -> Self {
        Self::new(Boot { outbound: Some(outbound), ..self.boot.clone() })
    }

    /// The same with another clock.
    pub fn clocked(&self, clock: Arc<dyn Clock>) -> Self {
        Self::new(Boot { clock, ..self.boot.clone() })
    }

    /// The same with a changed configuration.
    pub fn configured(&self, change: impl FnOnce(&mut runtime::Config)) -> Self {
        let mut boot = self.boot.clone();
        change(&mut boot.config);
        Self::new(boot)
    }
}

/// Where the uses that tests see are noted, for `scripts/gen --uses`; nowhere unless it is set.
const USES_DIR: &str = "SELLEASI_USES_DIR";

static NOTED: Mutex<BTreeSet<(&str, Use)>> = Mutex::new(BTreeSet::new());

fn witness(row: &'static Row, what: Use, is_granted: bool) {
    assert!(is_granted, "{} may not: {what}; its row does not grant it", row.function);
    #[expect(clippy::disallowed_methods, reason = "tests are configured by their environment")]
    let Ok(dir) = std::env::var(USES_DIR) else { return };
    if NOTED.lock().unwrap_or_else(PoisonError::into_inner).insert((row.function, what)) {
        let path = PathBuf::from(dir).join(format!("{}.tsv", std::process::id()));
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        // In one piece: tests of one process write at once.
        file.write_all(format!("{}\t{what}\n", row.function).as_bytes()).unwrap();
    }
}
