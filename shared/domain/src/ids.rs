//! Prefixed, sortable identifiers: `ord_01JABC…`, a ULID behind a prefix for the kind of thing it identifies.
//!
//! The character set (letters, digits, `_`) has no `#`, so an id can never break out of a table key.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id that starts with `{prefix}_` and ends in a ULID")]
pub struct InvalidId {
    /// The expected prefix, without the underscore.
    pub prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Ulid);

        impl $name {
            /// The prefix of this kind of id, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a ULID.
            pub const fn from_ulid(ulid: Ulid) -> Self {
                Self(ulid)
            }

            /// The ULID behind the prefix.
            pub const fn ulid(self) -> Ulid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = InvalidId { prefix: $prefix };
                let ulid = text.strip_prefix(concat!($prefix, "_")).ok_or_else(|| invalid.clone())?;
                let parsed = Ulid::from_string(ulid).map_err(|_| invalid.clone())?;
                // One spelling only: lower case and lenient letters would make two keys of one id.
                if parsed.to_string() == ulid { Ok(Self(parsed)) } else { Err(invalid) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": concat!("^", $prefix, "_[0-7][0-9A-HJKMNP-TV-Z]{25}$"),
                    "example": concat!($prefix, "_01JD3ZSKZ9V2M7Q8T4X6N5B1CE"),
                })
            }
        }
    };
}

id!(/// A tenant: the organisation that owns stores.
    TenantId, "ten");
id!(/// A store of a tenant.
    StoreId, "sto");
id!(/// An account: a person, or a guest of a store. The subject of an access token.
    AccountId, "acc");
id!(/// A sign-in on one device: a family of refresh tokens.
    SessionId, "ses");
id!(/// A request to prove an e-mail address with a code.
    VerificationId, "ver");
id!(/// A seller's onboarding.
    OnboardingId, "onb");
id!(/// A product.
    ProductId, "prd");
id!(/// A variant of a product. Prices and stock belong to variants.
    VariantId, "var");
id!(/// A cart.
    CartId, "car");
id!(/// A coupon.
    CouponId, "cpn");
id!(/// An order.
    OrderId, "ord");
id!(/// A return of goods of an order.
    ReturnId, "ret");
id!(/// A payment of an order.
    PaymentId, "pay");
id!(/// A refund of a payment.
    RefundId, "ref");
id!(/// A change of a variant's stock.
    MovementId, "mov");
id!(/// A posting in the ledger.
    LedgerEntryId, "led");
id!(/// A message to a person.
    NotificationId, "not");
id!(/// A tenant's rate limit.
    RateRuleId, "rrl");
id!(/// An event on the bus.
    EventId, "evt");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_id_reads_back(raw: u128) {
            let id = OrderId::from_ulid(Ulid(raw));
            prop_assert_eq!(id.to_string().parse::<OrderId>(), Ok(id));
        }

        #[test]
        fn whatever_parses_is_spelled_one_way_and_holds_no_separator(text in "\\PC{0,40}") {
            if let Ok(id) = text.parse::<OrderId>() {
                prop_assert_eq!(id.to_string(), text.clone());
                prop_assert!(!text.contains('#'));
            }
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let order = OrderId::from_ulid(Ulid(u128::MAX)).to_string();
        assert!(order.parse::<ProductId>().is_err());
        assert!(order.to_lowercase().parse::<OrderId>().is_err());
    }
}
