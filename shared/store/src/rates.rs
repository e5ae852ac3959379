//! Rate limits: the buckets of clients, and tenants' rules.

use contracts::{row::RateClass, table::Table};
use domain::{
    TenantId, Timestamp,
    rate::{Bucket, RateRules, Subject},
    time::after,
};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    keys::{self, Key},
};

/// How long a full bucket is kept, in seconds; a missing one is full.
const KEPT_S: i64 = 60;

/// Whose bucket it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BucketOf {
    /// The tenant that was called about; `None` for the limits that hold for the whole platform.
    pub tenant: Option<TenantId>,
    /// Whose requests are counted together.
    pub subject: Subject,
    /// The address, the account's id, or the tenant's.
    pub id: String,
    /// The class of endpoints.
    pub class: RateClass,
}

impl BucketOf {
    /// The key of the bucket.
    pub fn key(&self) -> Key {
        keys::rate_bucket(self.tenant, self.subject.name(), self.class.name(), &self.id)
    }
}

/// A client's bucket, shared by all processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateBucket {
    /// The tenant that was called about, if the bucket is for calls about one.
    pub tenant_id: Option<TenantId>,
    /// [`Subject::name`].
    pub subject: String,
    /// [`RateClass::name`].
    pub class: String,
    /// The address, the account's id, or the tenant's.
    pub id: String,
    /// How full it is.
    pub bucket: Bucket,
}

impl RateBucket {
    /// The bucket `of` somebody, as full as `bucket`.
    pub fn new(of: &BucketOf, bucket: Bucket) -> Self {
        Self {
            tenant_id: of.tenant,
            subject: of.subject.name().to_owned(),
            class: of.class.name().to_owned(),
            id: of.id.clone(),
            bucket,
        }
    }
}

impl Entity for RateBucket {
    type Owner = ();
    const TABLE: Table = Table::Requests;
    const KIND: &'static str = "rate_bucket";

    fn key(&self, (): ()) -> Key {
        keys::rate_bucket(self.tenant_id, &self.subject, &self.class, &self.id)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(after(self.bucket.full_at, KEPT_S))
    }
}

impl Entity for RateRules {
    type Owner = TenantId;
    const TABLE: Table = Table::Tenants;
    const KIND: &'static str = "rate_rules";

    fn key(&self, tenant: TenantId) -> Key {
        keys::rate_rules(tenant)
    }
}
