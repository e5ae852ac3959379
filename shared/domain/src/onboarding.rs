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
    /// Of the secret that whoever started it holds: the id alone opens nothing.
    pub token_hash: String,
    pub tenant_id: TenantId,
    pub account_id: AccountId,
    pub email: String,
    pub full_name: String,
    pub tenant_name: String,
    pub kind: TenantKind,
    pub step: Step,
    pub email_code: OneTimeCode,
    /// Of the password chosen for a new account.
    pub password_hash: Option<String>,
    /// The account that exists already with this e-mail address, once its password was given.
    pub proved_account: Option<AccountId>,
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

/// Until all is complete, another password may be given.
const PASSWORD_STEPS: &[Step] = &[Step::SetPassword, Step::Profile, Step::Complete];

impl Onboarding {
    pub fn email_verified(self, now: Timestamp) -> Result<Self, InvalidTransition> {
        Ok(self.at(&[Step::VerifyEmail], "verify_email")?.to(Step::SetPassword, now))
    }

    /// Whether a password may be given now. To be asked before anything is told about the e-mail address.
    pub fn awaits_password(&self) -> Result<(), InvalidTransition> {
        self.allows(PASSWORD_STEPS, "set_password")
    }

    /// A password for a new account.
    pub fn password_set(self, hash: String, now: Timestamp) -> Result<Self, InvalidTransition> {
        self.identified(Some(hash), None, now)
    }

    /// The password of the account that exists already was given.
    pub fn account_proved(self, account: AccountId, now: Timestamp) -> Result<Self, InvalidTransition> {
        self.identified(None, Some(account), now)
    }

    fn identified(
        self,
        password_hash: Option<String>,
        proved_account: Option<AccountId>,
        now: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        let this = self.at(PASSWORD_STEPS, "set_password")?;
        let step = if this.profile.is_some() { Step::Complete } else { Step::Profile };
        Ok(Self { password_hash, proved_account, ..this }.to(step, now))
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

    /// What is kept of it until it expires holds no secret any more.
    pub fn completed(self, now: Timestamp) -> Result<Self, InvalidTransition> {
        let this = self.at(&[Step::Complete], "complete")?;
        Ok(Self { password_hash: None, phone_code: None, ..this }.to(Step::Done, now))
    }

    /// Whether it may still be gone on with, or looked at.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    fn at(self, steps: &[Step], event: &'static str) -> Result<Self, InvalidTransition> {
        self.allows(steps, event).map(|()| self)
    }

    fn allows(&self, steps: &[Step], event: &'static str) -> Result<(), InvalidTransition> {
        if steps.contains(&self.step) { Ok(()) } else { Err(InvalidTransition { state: self.step.name(), event }) }
    }

    fn to(self, step: Step, now: Timestamp) -> Self {
        Self { step, updated_at: now, ..self }
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::time::after;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn started() -> Onboarding {
        Onboarding {
            id: OnboardingId::from_ulid(Ulid(1)),
            token_hash: "t".into(),
            tenant_id: TenantId::from_ulid(Ulid(2)),
            account_id: AccountId::from_ulid(Ulid(3)),
            email: "ada@example.com".into(),
            full_name: "Ada Obi".into(),
            tenant_name: "Ada Books".into(),
            kind: TenantKind::Individual,
            step: Step::VerifyEmail,
            email_code: OneTimeCode::new("h".into(), NOW),
            password_hash: None,
            proved_account: None,
            phone: None,
            phone_code: None,
            phone_verified: false,
            profile: None,
            created_at: NOW,
            expires_at: after(NOW, 100),
            updated_at: NOW,
        }
    }

    fn profile() -> Profile {
        Profile {
            store_name: "Ada Books".into(),
            store_slug: "ada-books".into(),
            currency: crate::Currency::Ngn,
            timezone: "Africa/Lagos".into(),
            description: None,
        }
    }

    #[test]
    fn goes_step_by_step() {
        let code = OneTimeCode::new("h".into(), NOW);
        let done = started()
            .email_verified(NOW)
            .and_then(|it| it.password_set("p".into(), NOW))
            .and_then(|it| it.phone_given("+2348012345678".into(), code, NOW))
            .and_then(|it| it.phone_confirmed(NOW))
            .and_then(|it| it.profile_set(profile(), NOW))
            .and_then(|it| it.completed(NOW))
            .unwrap();
        assert_eq!((done.step, done.password_hash, done.phone_verified), (Step::Done, None, true));
    }

    #[test]
    fn no_step_can_be_left_out() {
        let code = OneTimeCode::new("h".into(), NOW);
        assert!(started().password_set("p".into(), NOW).is_err());
        assert!(started().account_proved(AccountId::from_ulid(Ulid(9)), NOW).is_err());
        let verified = started().email_verified(NOW).unwrap();
        assert!(verified.clone().email_verified(NOW).is_err());
        assert!(verified.clone().profile_set(profile(), NOW).is_err());
        assert!(verified.clone().phone_given("+2348012345678".into(), code, NOW).is_err());
        let identified = verified.password_set("p".into(), NOW).unwrap();
        assert!(identified.clone().completed(NOW).is_err());
        let done = identified.profile_set(profile(), NOW).and_then(|it| it.completed(NOW)).unwrap();
        assert!(done.clone().completed(NOW).is_err());
        assert!(done.clone().profile_set(profile(), NOW).is_err() && done.password_set("p".into(), NOW).is_err());
    }

    #[test]
    fn a_new_password_takes_the_place_of_a_proof_and_keeps_the_profile() {
        let account = AccountId::from_ulid(Ulid(9));
        let ready = started()
            .email_verified(NOW)
            .and_then(|it| it.account_proved(account, NOW))
            .and_then(|it| it.profile_set(profile(), NOW))
            .unwrap();
        assert_eq!(ready.proved_account, Some(account));
        let again = ready.password_set("p".into(), NOW).unwrap();
        assert_eq!((again.step, again.proved_account), (Step::Complete, None));
    }
}
