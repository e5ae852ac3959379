//! What functions that send codes have besides.

use runtime::{Boot, Deps, FromBoot, email::Mailer};

#[derive(Debug, Clone)]
pub struct MailDeps {
    pub core: Deps,
    pub mailer: Mailer,
}

impl FromBoot for MailDeps {
    fn from_boot(boot: &Boot) -> Self {
        Self { core: Deps::from_boot(boot), mailer: Mailer::from_boot(boot) }
    }
}

impl AsRef<Deps> for MailDeps {
    fn as_ref(&self) -> &Deps {
        &self.core
    }
}
