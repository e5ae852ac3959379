//! Dependencies in tests. Fixtures get dependencies without restrictions; a function gets what its row grants. If a
//! function uses more than its row grants, the test fails and names the function and the use.

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

/// Unrestricted [`Deps`] for fixtures, and the [`Boot`] that functions' dependencies are made from.
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

    /// The dependencies of the handler of function `F`.
    pub fn granted<F: Function, X: Extra>(&self) -> Granted<F, X> {
        Granted::from_boot(&self.boot)
    }

    /// The boot that all these dependencies are made from.
    pub fn boot(&self) -> &Boot {
        &self.boot
    }

    /// A copy with another client for providers' APIs.
    pub fn outbound(&self, outbound: Outbound) -> Self {
        Self::new(Boot { outbound: Some(outbound), ..self.boot.clone() })
    }

    /// A copy with another clock.
    pub fn clocked(&self, clock: Arc<dyn Clock>) -> Self {
        Self::new(Boot { clock, ..self.boot.clone() })
    }

    /// A copy with a changed configuration.
    pub fn configured(&self, change: impl FnOnce(&mut runtime::Config)) -> Self {
        let mut boot = self.boot.clone();
        change(&mut boot.config);
        Self::new(boot)
    }
}

/// The directory in which tests record the uses they see, for `scripts/gen --uses`. Without it nothing is recorded.
const USES_DIR: &str = "SELLEASI_USES_DIR";

static NOTED: Mutex<BTreeSet<(&str, Use)>> = Mutex::new(BTreeSet::new());

fn witness(row: &'static Row, what: Use, is_granted: bool) {
    assert!(is_granted, "{} may not: {what}; its row does not grant it", row.function);
    #[expect(clippy::disallowed_methods, reason = "tests are configured by their environment")]
    let Ok(dir) = std::env::var(USES_DIR) else { return };
    if NOTED.lock().unwrap_or_else(PoisonError::into_inner).insert((row.function, what)) {
        let path = PathBuf::from(dir).join(format!("{}.tsv", std::process::id()));
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        // One write for each line, because tests of one process write concurrently.
        file.write_all(format!("{}\t{what}\n", row.function).as_bytes()).unwrap();
    }
}
