//! A seller's onboarding: start -> verify e-mail -> password -> (phone) -> profile -> complete. Each step needs the one
//! before. Password, phone and profile can be repeated until the onboarding is complete, so it can be resumed.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, InvalidTransition, OnboardingId, TenantId, Timestamp,
    account::{Account, OneTimeCode},
    tenant::TenantKind,
};

/// The next step of an onboarding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Enter the code that was sent to the e-mail address.
    VerifyEmail,
    /// Set a password.
    SetPassword,
    /// Describe the first store.
    Profile,
    /// Complete the onboarding.
    Complete,
    /// Nothing: the onboarding is complete.
    Done,
}

impl Step {
    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::SetPassword => "set_password",
            Self::Profile => "profile",
            Self::Complete => "complete",
            Self::Done => "done",
        }
    }

    /// The situation before the step, as in "cannot set a password while the e-mail address is not verified".
    const fn situation(self) -> &'static str {
        match self {
            Self::VerifyEmail => "the e-mail address is not verified",
            Self::SetPassword => "the password is not set",
            Self::Profile => "the profile is not set",
            Self::Complete => "the onboarding is ready to be completed",
            Self::Done => "the onboarding is complete",
        }
    }
}

/// A seller's onboarding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onboarding {
    /// Id of the onboarding.
    pub id: OnboardingId,
    /// Hash of the secret that the client got at the start. The id alone gives no access.
    pub token_hash: String,
    /// Id of the tenant to be created.
    pub tenant_id: TenantId,
    /// Id of the account to be created, unless the seller has one.
    pub account_id: AccountId,
    /// The seller's e-mail address, normalised.
    pub email: String,
    /// The seller's name.
    pub full_name: String,
    /// Name of the tenant.
    pub tenant_name: String,
    /// Whether the tenant is a person or a business.
    pub kind: TenantKind,
    /// The next step.
    pub step: Step,
    /// The code that was sent to the e-mail address.
    pub email_code: OneTimeCode,
    /// Hash of the password chosen for a new account.
    pub password_hash: Option<String>,
    /// The existing account with this e-mail address, once its password was given.
    pub proved_account: Option<ProvedAccount>,
    /// Phone number in E.164 format.
    pub phone: Option<String>,
    /// The code to verify the phone number.
    pub phone_code: Option<OneTimeCode>,
    /// Whether the phone number was verified.
    pub phone_verified: bool,
    /// Settings of the first store, once they are given.
    pub profile: Option<Profile>,
    /// When the onboarding was created.
    pub created_at: Timestamp,
    /// When the onboarding expires.
    pub expires_at: Timestamp,
    /// When the onboarding last changed.
    pub updated_at: Timestamp,
}

/// An account whose password was given. The proof ends when the password is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvedAccount {
    /// The account.
    pub id: AccountId,
    /// The account's `password_version` when its password was given.
    pub password_version: u32,
}

impl ProvedAccount {
    /// The account, with the password that it has now.
    pub const fn of(account: &Account) -> Self {
        Self { id: account.id, password_version: account.password_version }
    }
}

/// The settings of the first store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Name of the store.
    pub store_name: String,
    /// The store's host name below the platform's domain.
    pub store_slug: String,
    /// Currency of all prices in the store.
    pub currency: crate::Currency,
    /// IANA time zone name.
    pub timezone: String,
    /// What the store sells.
    pub description: Option<String>,
}

/// Steps in which a password can be given: until the onboarding is complete, it can be changed.
const PASSWORD_STEPS: &[Step] = &[Step::SetPassword, Step::Profile, Step::Complete];
const SET_PASSWORD: &str = "set a password";

impl Onboarding {
    /// The e-mail address was verified with the code.
    ///
    /// # Errors
    /// [`InvalidTransition`] if it is verified already.
    pub fn email_verified(self, now: Timestamp) -> Result<Self, InvalidTransition> {
        Ok(self.at(&[Step::VerifyEmail], "verify the e-mail address")?.to(Step::SetPassword, now))
    }

    /// Checks that a password can be given now. Callers check this before they look up the e-mail address, so that an
    /// unverified client learns nothing about existing accounts.
    ///
    /// # Errors
    /// [`InvalidTransition`] before the e-mail address is verified, and after completion.
    pub fn awaits_password(&self) -> Result<(), InvalidTransition> {
        self.allows(PASSWORD_STEPS, SET_PASSWORD)
    }

    /// A password for a new account was chosen.
    ///
    /// # Errors
    /// As [`Self::awaits_password`].
    pub fn password_set(self, hash: String, now: Timestamp) -> Result<Self, InvalidTransition> {
        self.identified(Some(hash), None, now)
    }

    /// The password of the existing account was given.
    ///
    /// # Errors
    /// As [`Self::awaits_password`].
    pub fn account_proved(self, account: ProvedAccount, now: Timestamp) -> Result<Self, InvalidTransition> {
        self.identified(None, Some(account), now)
    }

    fn identified(
        self,
        password_hash: Option<String>,
        proved_account: Option<ProvedAccount>,
        now: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        let this = self.at(PASSWORD_STEPS, SET_PASSWORD)?;
        let step = if this.profile.is_some() { Step::Complete } else { Step::Profile };
        Ok(Self { password_hash, proved_account, ..this }.to(step, now))
    }

    /// A phone number was given, and `code` sent to verify it. Optional; possible after the password and before
    /// completion.
    ///
    /// # Errors
    /// [`InvalidTransition`] before the password is set, and after completion.
    pub fn phone_given(self, phone: String, code: OneTimeCode, now: Timestamp) -> Result<Self, InvalidTransition> {
        let this = self.at(&[Step::Profile, Step::Complete], "give a phone number")?;
        let step = this.step;
        Ok(Self { phone: Some(phone), phone_code: Some(code), phone_verified: false, ..this }.to(step, now))
    }

    /// The phone number was verified with its code.
    ///
    /// # Errors
    /// As [`Self::phone_given`].
    pub fn phone_confirmed(self, now: Timestamp) -> Result<Self, InvalidTransition> {
        let this = self.at(&[Step::Profile, Step::Complete], "verify the phone number")?;
        let step = this.step;
        Ok(Self { phone_verified: true, ..this }.to(step, now))
    }

    /// The settings of the first store were given.
    ///
    /// # Errors
    /// As [`Self::phone_given`].
    pub fn profile_set(self, profile: Profile, now: Timestamp) -> Result<Self, InvalidTransition> {
        let this = self.at(&[Step::Profile, Step::Complete], "set the profile")?;
        Ok(Self { profile: Some(profile), ..this }.to(Step::Complete, now))
    }

    /// The tenant, its first store and the account were created. Removes the secrets, as the record is stored until it
    /// expires.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless [`Step::Complete`] is the next step.
    pub fn completed(self, now: Timestamp) -> Result<Self, InvalidTransition> {
        let this = self.at(&[Step::Complete], "complete the onboarding")?;
        Ok(Self { password_hash: None, phone_code: None, ..this }.to(Step::Done, now))
    }

    /// Whether the onboarding has not expired.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    fn at(self, steps: &[Step], event: &'static str) -> Result<Self, InvalidTransition> {
        self.allows(steps, event).map(|()| self)
    }

    fn allows(&self, steps: &[Step], event: &'static str) -> Result<(), InvalidTransition> {
        if steps.contains(&self.step) { Ok(()) } else { Err(InvalidTransition { state: self.step.situation(), event }) }
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

    fn proved() -> ProvedAccount {
        ProvedAccount { id: AccountId::from_ulid(Ulid(9)), password_version: 0 }
    }

    #[test]
    fn no_step_can_be_left_out() {
        let code = OneTimeCode::new("h".into(), NOW);
        assert!(started().password_set("p".into(), NOW).is_err());
        assert!(started().account_proved(proved(), NOW).is_err());
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
        let account = proved();
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
