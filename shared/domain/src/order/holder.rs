//! Bounds on the stock that pending orders hold. Whoever orders gets the stock for the length of the payment window
//! without paying, and can order again; so the pending orders of one buyer account, one e-mail address and one client
//! address in a store are bounded, and so are the units in them.

use sha2::{Digest, Sha256};

use super::{Change, Order};
use crate::{AccountId, StoreId, client::network, limits, text::hex};

/// Somebody whose pending orders in a store are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The account that places the order: a guest's or a customer's.
    Account(AccountId),
    /// The customer's e-mail address, as typed.
    Email(String),
    /// Where the order is placed from.
    Client(String),
}

impl Holder {
    /// Pending orders that the holder can have in a store.
    pub const fn orders_max(&self) -> u32 {
        match self {
            Self::Account(_) | Self::Email(_) => limits::PENDING_ORDERS_MAX,
            Self::Client(_) => limits::PENDING_ORDERS_OF_CLIENT_MAX,
        }
    }

    /// Units in them.
    pub const fn units_max(&self) -> u32 {
        match self {
            Self::Account(_) | Self::Email(_) => limits::PENDING_UNITS_MAX,
            Self::Client(_) => limits::PENDING_UNITS_OF_CLIENT_MAX,
        }
    }
}

/// What is stored of a client's address: a hash of its network, different in each store.
pub fn client_of(store: StoreId, address: &str) -> String {
    hex(&Sha256::digest(format!("{store} {}", network(address)))[..16])
}

impl Order {
    /// The holders that the order counts against; none once it does not count any more.
    pub fn holders(&self) -> Vec<Holder> {
        let of = |client: &String| {
            let (account, email) = (Holder::Account(self.buyer_id), Holder::Email(self.customer.email.clone()));
            vec![account, email, Holder::Client(client.clone())]
        };
        self.client.as_ref().map(of).unwrap_or_default()
    }

    /// Units of all lines.
    pub fn units(&self) -> u32 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    /// Ends the counting if the change does, and returns the holders that the order counted against until then. An
    /// order that is revived by a late payment is paid at once, so it does not count again.
    pub fn let_go(&mut self, change: &Change) -> Vec<Holder> {
        let holders = self.holders();
        if !matches!(change, Change::Paid { .. } | Change::Cancelled { .. }) {
            return vec![];
        }
        self.client = None;
        holders
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;

    #[test]
    fn a_client_is_an_address_or_an_ipv6_network_in_one_store() {
        let (store, other) = (StoreId::from_ulid(Ulid(1)), StoreId::from_ulid(Ulid(2)));
        let client = |address| client_of(store, address);
        assert_eq!(client("2001:db8:0:1::1"), client("2001:db8:0:1:ffff::2"));
        assert_eq!(client("203.0.113.7"), client("::ffff:203.0.113.7"));
        let others = ["2001:db8:0:1::1", "2001:db8:0:2::1", "203.0.113.7", "203.0.113.8", ""].map(client);
        assert!(others.iter().all(|one| others.iter().filter(|other| *other == one).count() == 1));
        assert_ne!(client("203.0.113.7"), client_of(other, "203.0.113.7"));
        assert!(!client("203.0.113.7").contains("203"));
    }
}
