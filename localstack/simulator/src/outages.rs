//! Services that are away for a time by the clock on the wall, whoever asks them and however often.

/// What may be away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// The provider's API: it answers nothing. Its pay page and its webhooks are other machines.
    Provider,
    /// SES: of what it is given, some may go out.
    Mail,
    /// SES takes nothing, for the rate at which it is given mails.
    MailRate,
    /// DynamoDB.
    Database,
    /// EventBridge.
    Bus,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Outage {
    pub(crate) of: Service,
    pub(crate) until_ms: i64,
}

/// Those that have begun.
#[derive(Debug, Default)]
pub(crate) struct Outages(Vec<Outage>);

impl Outages {
    pub(crate) fn begin(&mut self, of: Service, until_ms: i64) {
        self.0.push(Outage { of, until_ms });
    }

    pub(crate) fn has(&self, service: Service, now_ms: i64) -> bool {
        self.0.iter().any(|outage| outage.of == service && now_ms < outage.until_ms)
    }

    /// When the last of them is over.
    pub(crate) fn end_ms(&self) -> Option<i64> {
        self.0.iter().map(|outage| outage.until_ms).max()
    }
}
