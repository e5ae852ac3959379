//! A store and its settings. A tenant sells through one or more stores.

use serde::{Deserialize, Serialize};

use crate::{Currency, InvalidTransition, Money, StoreId, Timestamp, limits::TIMEZONE_MAX};

/// Status of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StoreStatus {
    /// Being prepared: only the team sees it.
    Draft,
    /// Open to buyers.
    Active,
    /// Temporarily closed to buyers.
    Suspended,
    /// Closed for good.
    Closed,
}

impl StoreStatus {
    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Draft => "return to draft",
            Self::Active => "open",
            Self::Suspended => "suspend",
            Self::Closed => "close",
        }
    }
}

/// Payment methods that a store can offer: the providers that are implemented.
pub const PAYMENT_METHODS: [&str; 1] = ["paystack"];

/// Slugs that no store can have, in four groups: names that mail programs, browsers and certificate authorities look up
/// or write to (RFC 2142, RFC 8461); host names of the platform itself, now or some day; pages that a visitor would
/// take for the platform's; words that programs take for something else.
const RESERVED_SLUGS: [&str; 4] = [
    "abuse acme administrator autoconfig autodiscover bimi dkim dmarc dns email ftp hostmaster imap \
     isatap localhost mail mta-sts mx1 mx2 no-reply noreply ns1 ns2 ns3 ns4 openpgpkey pop pop3 \
     postmaster root sftp smtp spf ssh ssl usenet vpn webmail webmaster wpad www www1 www2",
    "account accounts admin api apis app apps assets audit auth backend backup beta billing bridge cache \
     callback cdn cloud console dashboard database debug deploy dev developer developers doc docs \
     download downloads edge events files gateway git grafana graphql health hooks identity images img \
     internal jwks kafka kibana live logs manage media metrics monitor monitoring oauth onboarding \
     openapi operator ops origin platform portal preview prod production prometheus proxy queue redirect \
     redis sandbox search server sso stage staging static status swagger system test testing tracking \
     upload uploads web webhook webhooks websocket wss",
    "about affiliate affiliates bank blog buy careers cart carts checkout contact customer customers \
     feedback forum guest help helpdesk home index info invoice invoices jobs legal login logout market \
     marketplace member members merchant merchants news notifications official order orders partner \
     partners password pay payment payments payout payouts paypal press pricing privacy profile refund \
     refunds register report sale sales secure security seller sellers session settings shop shops signin \
     signup staff store stores stripe support team tenant tenants terms trust user users verification \
     verify wallet",
    "example false nil none null true undefined",
];

/// A store with one of these names anywhere in its slug could pose as the platform, or as who takes its payments.
const RESERVED_NAMES: [&str; 2] = ["selleasi", "paystack"];

/// Whether the platform keeps this slug for itself, so that no store can have it.
pub fn is_reserved_slug(slug: &str) -> bool {
    let name = slug.replace('-', "");
    RESERVED_SLUGS.iter().any(|group| group.split(' ').any(|reserved| reserved == slug))
        || RESERVED_NAMES.iter().any(|reserved| name.contains(reserved))
}

/// Whether the text has the format of an IANA time zone name, like `Africa/Lagos` or `UTC`. Only front ends convert
/// times, so it is not checked that the zone exists.
pub fn is_timezone(text: &str) -> bool {
    text.len() <= TIMEZONE_MAX
        && text.split('/').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
        })
}

/// Sales tax of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tax {
    /// Hundredths of a percent: 750 is 7.5 %.
    pub rate_basis_points: u32,
    /// Whether prices include the tax. If not, it is added to the total.
    pub inclusive: bool,
}

/// A way to ship goods that a store offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShippingMethod {
    /// Chosen by the seller; `POST /orders` selects the method by this id.
    pub id: String,
    /// Name, for buyers.
    pub name: String,
    /// Price, in the currency of the store.
    pub rate: Money,
    /// Days until the goods usually arrive.
    pub estimated_days: u32,
}

/// A store of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Id of the store.
    pub id: StoreId,
    /// Name of the store.
    pub name: String,
    /// The store's host name below the platform's domain; unique across all tenants.
    pub slug: String,
    /// What the store sells.
    pub description: Option<String>,
    /// Address of the logo.
    pub logo_url: Option<String>,
    /// Currency of all prices; never changes.
    pub currency: Currency,
    /// IANA time zone name, for front ends.
    pub timezone: String,
    /// Sales tax.
    pub tax: Tax,
    /// Shipping methods; a store without any does not ship.
    pub shipping_methods: Vec<ShippingMethod>,
    /// Payment methods that buyers can choose, by name.
    pub payment_methods: Vec<String>,
    /// How long an order waits for its payment, in seconds.
    pub payment_window_s: u32,
    /// Where buyers can write to, as the seller typed it: it is shown, and no mail is sent to it.
    pub support_email: Option<String>,
    /// Where the seller's own mails are sent: the proved address of the account that opened the store. Not shown.
    pub seller_email: String,
    /// Where warnings of low stock are sent.
    pub low_stock_email: Option<String>,
    /// Status of the store.
    pub status: StoreStatus,
    /// When the store was created.
    pub created_at: Timestamp,
    /// When the store last changed.
    pub updated_at: Timestamp,
}

impl Store {
    /// Changes the status. A draft can be opened; an open store can be suspended and opened again; any store can be
    /// closed, and a closed store stays closed. Setting the current status again changes nothing.
    ///
    /// # Errors
    /// [`InvalidTransition`] for any other change.
    pub fn set_status(self, status: StoreStatus, now: Timestamp) -> Result<Self, InvalidTransition> {
        use StoreStatus::{Active, Closed, Draft, Suspended};
        match (self.status, status) {
            (Draft | Suspended, Active) | (Active, Suspended) | (Draft | Active | Suspended, Closed) => {
                Ok(Self { status, updated_at: now, ..self })
            }
            (from, to) if from == to => Ok(self),
            (from, to) => Err(InvalidTransition { state: from.name(), event: to.verb() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;

    fn store(status: StoreStatus) -> Store {
        Store {
            id: StoreId::from_ulid(Ulid(1)),
            name: "Ada".into(),
            slug: "ada".into(),
            description: None,
            logo_url: None,
            currency: Currency::Ngn,
            timezone: "Africa/Lagos".into(),
            tax: Tax { rate_basis_points: 0, inclusive: false },
            shipping_methods: vec![],
            payment_methods: vec![],
            payment_window_s: 900,
            support_email: None,
            seller_email: "ada@example.com".into(),
            low_stock_email: None,
            status,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn statuses_go_where_they_may() {
        use StoreStatus::{Active, Closed, Draft, Suspended};
        let all = [Draft, Active, Suspended, Closed];
        let opens = [(Draft, Active), (Active, Suspended), (Suspended, Active)];
        for from in all {
            for to in all {
                let moved = store(from).set_status(to, Timestamp::UNIX_EPOCH);
                let may = from == to || to == Closed || opens.contains(&(from, to));
                assert_eq!(moved.map(|store| store.status).ok(), may.then_some(to), "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn time_zones_have_their_form() {
        for name in ["UTC", "Africa/Lagos", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "America/Port-au-Prince"] {
            assert!(is_timezone(name), "{name}");
        }
        for name in ["", "Africa/", "/Lagos", "Africa Lagos", "+01:00", "../etc/passwd"] {
            assert!(!is_timezone(name), "{name}");
        }
    }

    #[test]
    fn reserved_slugs_are_ones_that_could_be_asked_for() {
        for reserved in [
            "api",
            "selleasi",
            "sell-easi",
            "selleasi-support",
            "paystack",
            "my-paystack",
            "checkout",
            "smtp",
            "autodiscover",
            "webhooks",
            "wpad",
            "mta-sts",
            "postmaster",
            "login",
            "staging",
            "null",
        ] {
            assert!(is_reserved_slug(reserved), "{reserved}");
        }
        for free in ["adas-books", "demo", "pay-day-books", "mail-order-flowers", "the-login-shop"] {
            assert!(!is_reserved_slug(free), "{free}");
        }
        let mut slugs = RESERVED_SLUGS.iter().flat_map(|group| group.split(' '));
        assert!(slugs.all(crate::text::is_slug));
    }
}
