//! Test helper: a seller who goes through an onboarding.

use contracts::onboarding::{Progress, Started};
use domain::{AccountId, account::Account};
use serde_json::json;
use testing::{TestRequest, World, http::Answer};

use crate::{complete, password, profile, start, verify_email};

pub(crate) const EMAIL: &str = "Ada@Example.com";
pub(crate) const PASSWORD: &str = "a quiet green bicycle";

pub(crate) struct Seller {
    pub(crate) world: World,
    pub(crate) id: String,
    pub(crate) token: String,
}

pub(crate) async fn begin(world: &World, email: &str) -> Answer {
    let body = json!({ "email": email, "full_name": "Ada Obi", "tenant_name": "Ada Books", "kind": "individual" });
    TestRequest::new().json(body).send(&world.deps, start::handle).await
}

impl Seller {
    /// A seller who has begun and has received a code.
    pub(crate) async fn begun(world: &World, email: &str) -> Self {
        let started: Started = begin(world, email).await.ok();
        Self { world: world.clone(), id: started.id.to_string(), token: started.onboarding_token }
    }

    /// A seller who has verified the e-mail address.
    pub(crate) async fn proved(world: &World, email: &str) -> Self {
        let seller = Self::begun(world, email).await;
        seller.verify_email(&seller.code()).await.ok::<Progress>();
        seller
    }

    /// A seller who has given a password.
    pub(crate) async fn identified(world: &World, email: &str) -> Self {
        let seller = Self::proved(world, email).await;
        seller.password(PASSWORD).await.ok::<Progress>();
        seller
    }

    pub(crate) fn request(&self) -> TestRequest {
        TestRequest::new().path("id", &self.id).header("x-onboarding-token", &self.token)
    }

    /// The code in the last e-mail.
    pub(crate) fn code(&self) -> String {
        let text = self.world.aws.last_mail().text;
        text.lines().find(|line| line.len() == 6 && line.parse::<u32>().is_ok()).unwrap().to_owned()
    }

    pub(crate) fn wrong_code(&self) -> &'static str {
        if self.code() == "000000" { "000001" } else { "000000" }
    }

    pub(crate) async fn verify_email(&self, code: &str) -> Answer {
        self.request().json(json!({ "code": code })).send(&self.world.deps, verify_email::handle).await
    }

    pub(crate) async fn password(&self, password: &str) -> Answer {
        self.request().json(json!({ "password": password })).send(&self.world.deps, password::handle).await
    }

    pub(crate) async fn profile(&self, slug: &str) -> Answer {
        let body = json!({
            "store_name": "Ada's Shelf", "store_slug": slug, "currency": "NGN", "timezone": "Africa/Lagos",
        });
        self.request().json(body).send(&self.world.deps, profile::handle).await
    }

    pub(crate) async fn complete(&self) -> Answer {
        self.request().send(&self.world.deps, complete::handle).await
    }
}

/// Creates an account with the seller's e-mail address, outside this onboarding.
pub(crate) async fn registered(world: &World, password: &str) -> Account {
    let (id, hash) = (world.deps.id(AccountId::from_ulid), identity::password::hash(password, [1; 16]).unwrap());
    world.account(Account::new(id, EMAIL.to_lowercase(), "Ada the Buyer".into(), Some(hash), world.deps.now())).await
}
