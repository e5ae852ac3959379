//! Access control: one table of permissions and the roles that hold them. Each endpoint names the permission it needs;
//! nothing else decides access.

use serde::{Deserialize, Serialize};

/// The role of a token's subject in the tenant that the token was issued for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Operates the platform.
    PlatformAdmin,
    /// Owns the tenant: all permissions of the team.
    Owner,
    /// Manages stores, catalogue, stock and orders.
    Manager,
    /// Works on catalogue, stock and orders.
    Staff,
    /// Reads everything of the tenant and changes nothing.
    Viewer,
    /// A registered buyer.
    Customer,
    /// A buyer without registration.
    Guest,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 7] =
        [Self::PlatformAdmin, Self::Owner, Self::Manager, Self::Staff, Self::Viewer, Self::Customer, Self::Guest];

    /// The name in tokens and in the API.
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

    /// The role with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether the role belongs to the tenant's team, not to a buyer or the platform.
    pub const fn is_staff(self) -> bool {
        matches!(self, Self::Owner | Self::Manager | Self::Staff | Self::Viewer)
    }

    /// Whether the role holds the permission.
    pub fn may(self, permission: Permission) -> bool {
        permission.roles().contains(&self)
    }
}

const TEAM: &[Role] = &[Role::Owner, Role::Manager, Role::Staff, Role::Viewer];
const EDITORS: &[Role] = &[Role::Owner, Role::Manager, Role::Staff];
const MANAGERS: &[Role] = &[Role::Owner, Role::Manager];
const BUYERS: &[Role] = &[Role::Customer, Role::Guest];
const BUYERS_AND_TEAM: &[Role] = &[Role::Customer, Role::Guest, Role::Owner, Role::Manager, Role::Staff, Role::Viewer];
const BUYERS_AND_EDITORS: &[Role] = &[Role::Customer, Role::Guest, Role::Owner, Role::Manager, Role::Staff];
const ACCOUNTS: &[Role] = &[Role::PlatformAdmin, Role::Owner, Role::Manager, Role::Staff, Role::Viewer, Role::Customer];

macro_rules! permissions {
    ($($name:ident = $text:literal => $roles:expr;)*) => {
        /// A permission. Its name has the form `<resource>:<action>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Permission { $(#[doc = concat!("`", $text, "`")] $name),* }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name, as access tokens and problems state it: `products:write`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// Whether a role of the tenant's team holds the permission.
            pub fn is_for_staff(self) -> bool {
                self.roles().iter().any(|role| role.is_staff())
            }

            /// The roles that hold the permission.
            pub const fn roles(self) -> &'static [Role] {
                match self { $(Self::$name => $roles),* }
            }
        }
    };
}

permissions! {
    ProfileRead = "profile:read" => ACCOUNTS;
    ProfileWrite = "profile:write" => ACCOUNTS;
    SessionEnd = "session:end" => &Role::ALL;
    SessionsRead = "sessions:read" => ACCOUNTS;
    SessionsEnd = "sessions:end" => ACCOUNTS;
    PasswordChange = "password:change" => ACCOUNTS;
    TenantSwitch = "tenant:switch" => ACCOUNTS;
    StoresRead = "stores:read" => TEAM;
    StoresWrite = "stores:write" => MANAGERS;
    RateRulesRead = "rate_rules:read" => TEAM;
    RateRulesWrite = "rate_rules:write" => MANAGERS;
    ProductsRead = "products:read" => TEAM;
    ProductsWrite = "products:write" => EDITORS;
    InventoryRead = "inventory:read" => TEAM;
    InventoryWrite = "inventory:write" => EDITORS;
    CouponsRead = "coupons:read" => TEAM;
    CouponsWrite = "coupons:write" => EDITORS;
    CartsUse = "carts:use" => BUYERS;
    CartsMerge = "carts:merge" => &[Role::Customer];
    OrdersPlace = "orders:place" => BUYERS;
    OrdersReadOwn = "orders:read_own" => BUYERS;
    // Buyers read and cancel their own orders, the team all orders of its tenant; the handler checks the owner.
    OrdersRead = "orders:read" => BUYERS_AND_TEAM;
    OrdersCancel = "orders:cancel" => BUYERS_AND_EDITORS;
    // The team can also request a return on behalf of a buyer.
    OrdersRequestReturn = "orders:request_return" => BUYERS_AND_EDITORS;
    OrdersFulfil = "orders:fulfil" => EDITORS;
    OrdersReturn = "orders:return" => EDITORS;
    OrdersReadAll = "orders:read_all" => TEAM;
    PaymentsStart = "payments:start" => BUYERS;
    PaymentsRead = "payments:read" => BUYERS_AND_TEAM;
    PaymentsRefund = "payments:refund" => EDITORS;
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
