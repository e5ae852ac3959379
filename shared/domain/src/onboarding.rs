//! A seller's onboarding: create -> verify e-mail -> password -> (phone) -> profile -> complete. Each step is
//! guarded by the one before and may be repeated until the next is done, so it can be resumed.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, InvalidTransition, OnboardingId, TenantId, Timestamp, account::OneTimeCode, tenant::TenantKind,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Step {
    VerifyEmail,
    SetPassword,
    Profile,
    Complete,
    Done,
}

impl Step {
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::SetPassword => "set_password",
            Self::Profile => "profile",
            Self::Complete => "complete",
            Self::Done => "done",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onboarding {
    pub id: OnboardingId,
    pub tenant_id: TenantId,
    pub account_id: AccountId,
    pub email: String,
    pub full_name: String,
    pub tenant_name: String,
    pub kind: TenantKind,
    pub step: Step,
    pub email_code: OneTimeCode,
    pub password_hash: Option<String>,
    pub phone: Option<String>,
    pub phone_code: Option<OneTimeCode>,
    pub phone_verified: bool,
    pub profile: Option<Profile>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What the first store is opened with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub store_name: String,
    pub store_slug: String,
    pub currency: crate::Currency,
    pub timezone: String,
    pub description: Option<String>,
}

impl Onboarding {
    pub fn email_verified(self, now: Timestamp) -> Result<Self, InvalidTransition> {
        Ok(self.at(&[Step::VerifyEmail], "verify_email")?.to(Step::SetPassword, now))
    }

    pub fn password_set(self, hash: String, now: Timestamp) -> Result<Self, InvalidTransition> {
        let this = self.at(&[Step::SetPassword, Step::Profile], "set_password")?;
        Ok(Self { password_hash: Some(hash), ..this }.to(Step::Profile, now))
    }

    /// Optional, any time between the password and the end.
    pub fn phone_given(self, phone: String, code: OneTimeCode, now: Timestamp) -> Result<Self, InvalidTransition> {
        let this = self.at(&[Step::Profile, Step::Complete], "phone")?;
        let step = this.step;
        Ok(Self { phone: Some(phone), phone_code: Some(code), phone_verified: false, ..this }.to(step, now))
    }

    pub fn phone_confirmed(self, now: Timestamp) -> Result<Self, InvalidTransition> {
        let this = self.at(&[Step::Profile, Step::Complete], "verify_phone")?;
        let step = this.step;
        Ok(Self { phone_verified: true, ..this }.to(step, now))
    }

    pub fn profile_set(self, profile: Profile, now: Timestamp) -> Result<Self, InvalidTransition> {
        let this = self.at(&[Step::Profile, Step::Complete], "profile")?;
        Ok(Self { profile: Some(profile), ..this }.to(Step::Complete, now))
    }

    pub fn completed(self, now: Timestamp) -> Result<Self, InvalidTransition> {
        Ok(self.at(&[Step::Complete], "complete")?.to(Step::Done, now))
    }

    fn at(self, steps: &[Step], event: &'static str) -> Result<Self, InvalidTransition> {
        if steps.contains(&self.step) { Ok(self) } else { Err(InvalidTransition { state: self.step.name(), event }) }
    }

    fn to(self, step: Step, now: Timestamp) -> Self {
        Self { step, updated_at: now, ..self }
    }
}
