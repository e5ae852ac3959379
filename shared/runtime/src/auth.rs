//! Who is calling. API Gateway's authorizer has verified the token; a function reads only what it passed on.

use std::collections::HashMap;

use domain::{AccountId, Role, SessionId, TenantId};
use serde_json::Value;

/// The bearer of a verified access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The one tenant the token is for; none for a person who has joined none yet.
    pub tenant_id: Option<TenantId>,
    pub account_id: AccountId,
    pub role: Role,
    pub session_id: SessionId,
}

impl Principal {
    /// What the authorizer passes to functions.
    pub fn to_context(&self) -> HashMap<String, Value> {
        let mut context = HashMap::from([
            ("account".to_owned(), Value::from(self.account_id.to_string())),
            ("role".to_owned(), Value::from(self.role.name())),
            ("session".to_owned(), Value::from(self.session_id.to_string())),
        ]);
        if let Some(tenant) = self.tenant_id {
            context.insert("tenant".to_owned(), Value::from(tenant.to_string()));
        }
        context
    }

    /// The reverse; `None` where there is no token, or not one that the authorizer wrote.
    pub fn from_context(context: &HashMap<String, Value>) -> Option<Self> {
        let text = |name: &str| context.get(name).and_then(Value::as_str);
        let tenant_id = match text("tenant") {
            Some(tenant) => Some(tenant.parse().ok()?),
            None => None,
        };
        Some(Self {
            tenant_id,
            account_id: text("account")?.parse().ok()?,
            role: Role::parse(text("role")?)?,
            session_id: text("session")?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;

    #[test]
    fn passes_through_the_authorizers_context() {
        let principal = Principal {
            tenant_id: Some(TenantId::from_ulid(Ulid(1))),
            account_id: AccountId::from_ulid(Ulid(2)),
            role: Role::Owner,
            session_id: SessionId::from_ulid(Ulid(3)),
        };
        assert_eq!(Principal::from_context(&principal.to_context()), Some(principal.clone()));
        let mut forged = principal.to_context();
        forged.insert("tenant".into(), Value::from("T#"));
        assert_eq!(Principal::from_context(&forged), None);
    }
}
