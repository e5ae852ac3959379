//! Coupons, their uses, and the claims that make their codes unique.
//!
//! Uses are counted by conditional arithmetic inside a transaction, like stock, because buyers with the same coupon
//! would otherwise constantly refuse each other. The redemption that is written with it makes sure that a use is
//! counted once.

use contracts::table::Table;
use domain::{
    CouponId, StoreId, TenantId, Timestamp,
    coupon::{Coupon, CustomerUses, Redemption},
};
use serde::{Deserialize, Serialize};

use crate::{
    entity::{Entity, number, text},
    keys::{self, Key},
    tx::{Op, Part, Tx},
};

impl Entity for Coupon {
    type Owner = TenantId;
    const TABLE: Table = Table::Coupons;
    const KIND: &'static str = "coupon";

    fn key(&self, tenant: TenantId) -> Key {
        keys::coupon(tenant, self.store_id, self.id)
    }
}

/// Reserves a code for a coupon, in its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponCodeClaim {
    /// The store.
    pub store_id: StoreId,
    /// The code, in upper case.
    pub code: String,
    /// The coupon.
    pub coupon_id: CouponId,
}

impl Entity for CouponCodeClaim {
    type Owner = TenantId;
    const TABLE: Table = Table::Coupons;
    const KIND: &'static str = "coupon_code_claim";

    fn key(&self, tenant: TenantId) -> Key {
        keys::coupon_code(tenant, self.store_id, &self.code)
    }
}

impl Entity for CustomerUses {
    type Owner = TenantId;
    const TABLE: Table = Table::Coupons;
    const KIND: &'static str = "coupon_customer";

    fn key(&self, tenant: TenantId) -> Key {
        keys::coupon_customer(tenant, self.coupon_id, &self.email)
    }
}

impl Entity for Redemption {
    type Owner = TenantId;
    const TABLE: Table = Table::Coupons;
    const KIND: &'static str = "redemption";

    fn key(&self, tenant: TenantId) -> Key {
        keys::redemption(tenant, self.order_id)
    }
}

impl Tx {
    /// Counts one more use of a coupon; refused if its cap is reached, or its terms changed since it was read.
    pub fn use_coupon(&mut self, tenant: TenantId, coupon: &Coupon, now: Timestamp) -> Op {
        let mut values = vec![(":terms", number(coupon.terms)), (":one", number(1)), (":now", text(now.to_string()))];
        values.extend(coupon.cap.map(|cap| (":cap", number(cap))));
        let within = if coupon.cap.is_some() { " AND #data.uses < :cap" } else { "" };
        self.push(Part::Update {
            key: keys::coupon(tenant, coupon.store_id, coupon.id),
            expression: format!("{SET}#data.uses = #data.uses + :one"),
            condition: format!("#data.terms = :terms{within}"),
            values,
        })
    }

    /// Counts one use of a coupon less; refused if none is counted, or the coupon was deleted.
    pub fn give_back_coupon(&mut self, tenant: TenantId, store: StoreId, coupon: CouponId, now: Timestamp) -> Op {
        self.count_down(keys::coupon(tenant, store, coupon), now)
    }

    /// Counts one use of a coupon by a customer less; refused if none is counted.
    pub fn give_back_customers_use(&mut self, tenant: TenantId, coupon: CouponId, email: &str, now: Timestamp) -> Op {
        self.count_down(keys::coupon_customer(tenant, coupon, email), now)
    }

    fn count_down(&mut self, key: Key, now: Timestamp) -> Op {
        self.push(Part::Update {
            key,
            expression: format!("{SET}#data.uses = #data.uses - :one"),
            condition: "#data.uses >= :one".to_owned(),
            values: vec![(":one", number(1)), (":now", text(now.to_string()))],
        })
    }
}

const SET: &str = "SET version = version + :one, #data.updated_at = :now, ";
