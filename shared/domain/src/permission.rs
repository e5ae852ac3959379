//! Who may do what: one table from roles to permissions. Endpoints name the permission they need; nothing else
//! decides access.

use serde::{Deserialize, Serialize};

/// What a token's bearer is, in the tenant the token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    PlatformAdmin,
    Owner,
    Manager,
    Staff,
    Viewer,
    Customer,
    Guest,
}

impl Role {
    pub const ALL: [Self; 7] =
        [Self::PlatformAdmin, Self::Owner, Self::Manager, Self::Staff, Self::Viewer, Self::Customer, Self::Guest];

    pub const fn name(self) -> &'static str {
        match self {
            Self::PlatformAdmin => "platform_admin",
            Self::Owner => "owner",
            Self::Manager => "manager",
            Self::Staff => "staff",
            Self::Viewer => "viewer",
            Self::Customer => "customer",
            Self::Guest => "guest",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Works for the tenant, as opposed to buying from it.
    pub const fn is_staff(self) -> bool {
        matches!(self, Self::Owner | Self::Manager | Self::Staff | Self::Viewer)
    }

    pub fn may(self, permission: Permission) -> bool {
        permission.roles().contains(&self)
    }
}

const TEAM: &[Role] = &[Role::Owner, Role::Manager, Role::Staff, Role::Viewer];
const DOERS: &[Role] = &[Role::Owner, Role::Manager, Role::Staff];
const LEADS: &[Role] = &[Role::Owner, Role::Manager];
const BUYERS: &[Role] = &[Role::Customer, Role::Guest];
const BUYERS_AND_TEAM: &[Role] = &[Role::Customer, Role::Guest, Role::Owner, Role::Manager, Role::Staff, Role::Viewer];
const BUYERS_AND_DOERS: &[Role] = &[Role::Customer, Role::Guest, Role::Owner, Role::Manager, Role::Staff];
const ACCOUNTS: &[Role] = &[Role::PlatformAdmin, Role::Owner, Role::Manager, Role::Staff, Role::Viewer, Role::Customer];

macro_rules! permissions {
    ($($name:ident = $text:literal => $roles:expr;)*) => {
        /// `<resource>:<action>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Permission { $($name),* }

        impl Permission {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// Whether somebody who works for a tenant may hold it.
            pub fn is_for_staff(self) -> bool {
                self.roles().iter().any(|role| role.is_staff())
            }

            /// The roles that hold it.
            pub const fn roles(self) -> &'static [Role] {
                match self { $(Self::$name => $roles),* }
            }
        }
    };
}

permissions! {
    ProfileRead = "profile:read" => ACCOUNTS;
    ProfileWrite = "profile:write" => ACCOUNTS;
    SessionEnd = "session:end" => ACCOUNTS;
    TenantSwitch = "tenant:switch" => ACCOUNTS;
    StoresRead = "stores:read" => TEAM;
    StoresWrite = "stores:write" => LEADS;
    ProductsRead = "products:read" => TEAM;
    ProductsWrite = "products:write" => DOERS;
    InventoryRead = "inventory:read" => TEAM;
    InventoryWrite = "inventory:write" => DOERS;
    CouponsRead = "coupons:read" => TEAM;
    CouponsWrite = "coupons:write" => DOERS;
    CartsUse = "carts:use" => BUYERS;
    CartsMerge = "carts:merge" => &[Role::Customer];
    OrdersPlace = "orders:place" => BUYERS;
    OrdersReadOwn = "orders:read_own" => BUYERS;
    // A buyer sees and cancels their own orders, the team those of its tenant; the handler checks whose it is.
    OrdersRead = "orders:read" => BUYERS_AND_TEAM;
    OrdersCancel = "orders:cancel" => BUYERS_AND_DOERS;
    // The team asks on a buyer's behalf, too.
    OrdersRequestReturn = "orders:request_return" => BUYERS_AND_DOERS;
    OrdersFulfil = "orders:fulfil" => DOERS;
    OrdersReturn = "orders:return" => DOERS;
    OrdersReadAll = "orders:read_all" => TEAM;
    PaymentsStart = "payments:start" => BUYERS;
    PaymentsRead = "payments:read" => BUYERS_AND_TEAM;
    PaymentsRefund = "payments:refund" => DOERS;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_changes_nothing() {
        for permission in Permission::ALL {
            let changes = permission.name().ends_with(":write") && *permission != Permission::ProfileWrite;
            assert!(!(changes && Role::Viewer.may(*permission)), "{}", permission.name());
        }
    }

    #[test]
    fn buyers_hold_no_staff_permission() {
        for permission in Permission::ALL {
            let staff_only = permission.roles().iter().all(|role| role.is_staff());
            assert!(!(staff_only && (Role::Customer.may(*permission) || Role::Guest.may(*permission))));
        }
        assert!(!Role::Customer.may(Permission::OrdersReadAll) && !Role::Guest.may(Permission::ProductsWrite));
    }

    #[test]
    fn names_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.name()), Some(role));
        }
    }
}
