//! A report of the mail service about a mail: it came back for good, or its recipient complained. The address is
//! recorded, and gets no more notifications until its owner proves it with a code.

use contracts::notifications::{MailReport, OnMailReport};
use runtime::{Granted, StepError};
use store::SuppressionReason;

pub async fn handle(deps: &Granted<OnMailReport>, report: MailReport) -> Result<(), StepError> {
    let (recipients, reason) = match report {
        // A full mailbox, or a mail service that is away: later mails may arrive.
        MailReport::Bounce { bounce } if bounce.bounce_type != "Permanent" => return Ok(()),
        MailReport::Bounce { bounce } => (bounce.bounced_recipients, SuppressionReason::Bounced),
        MailReport::Complaint { complaint } => (complaint.complained_recipients, SuppressionReason::Complained),
    };
    let mut tx = deps.tx();
    let mut addresses: Vec<_> = recipients.iter().map(|recipient| address(&recipient.email_address)).collect();
    addresses.sort_unstable();
    addresses.dedup();
    for address in addresses {
        tx.suppress(&address, reason, deps.now());
    }
    deps.db.commit(tx).await.map_err(StepError::retry)
}

/// `a@b.c` of `a@b.c` or `Name <a@b.c>`, normalised.
fn address(recipient: &str) -> String {
    let inner = recipient.rsplit_once('<').map_or(recipient, |(_, inner)| inner);
    domain::text::normalize_email(inner.trim_end_matches('>'))
}

#[cfg(test)]
mod tests {
    use contracts::table::Table;
    use runtime::{Running, host};
    use serde_json::{Value, json};
    use store::{SuppressedAddress, Versioned, keys};
    use testing::World;

    use super::*;

    /// Delivers a report as SES and EventBridge write it. Returns whether it stays in the queue.
    async fn deliver(world: &World, detail: Value) -> bool {
        let body = json!({
            "version": "0", "id": "1", "source": "aws.ses", "account": "123456789012", "time": "2026-01-01T00:00:00Z",
            "region": "us-east-1", "resources": [], "detail-type": "Email Bounced", "detail": detail,
        });
        let record = json!({
            "messageId": "1", "receiptHandle": "r", "body": body.to_string(),
            "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "0" },
        });
        let Running::Queue(on_report) = host::reports(handle).start(world.deps.boot()) else { panic!("not a queue") };
        let answer = on_report(vec![serde_json::from_value(record).unwrap()]).await;
        !answer.batch_item_failures.is_empty()
    }

    fn bounce(bounce_type: &str, address: &str) -> Value {
        json!({
            "eventType": "Bounce",
            "bounce": {
                "bounceType": bounce_type, "bounceSubType": "General", "feedbackId": "1",
                "timestamp": "2026-01-01T00:00:00Z",
                "bouncedRecipients": [{ "emailAddress": address, "action": "failed", "status": "5.1.1" }],
            },
            "mail": { "messageId": "1", "destination": [address] },
        })
    }

    async fn suppressed(world: &World, email: &str) -> Option<SuppressionReason> {
        let found: Option<Versioned<SuppressedAddress>> =
            world.deps.db.get(&keys::suppressed_address(email)).await.unwrap();
        found.map(|found| found.value.reason)
    }

    #[tokio::test]
    async fn an_address_whose_mails_come_back_for_good_is_recorded_however_often_it_is_reported() {
        let world = World::new().await;
        for address in ["Gone@Example.com", "Ada <gone@example.com>"] {
            assert!(!deliver(&world, bounce("Permanent", address)).await);
            assert_eq!(suppressed(&world, "gone@example.com").await, Some(SuppressionReason::Bounced));
        }
        assert_eq!(world.dynamo.items(Table::Accounts).len(), 1);
    }

    #[tokio::test]
    async fn an_address_whose_owner_complained_is_recorded() {
        let world = World::new().await;
        let complaint = json!({
            "eventType": "Complaint",
            "complaint": { "complainedRecipients": [{ "emailAddress": "cross@example.com" }], "feedbackId": "1" },
            "mail": { "messageId": "1" },
        });
        assert!(!deliver(&world, complaint).await);
        assert_eq!(suppressed(&world, "cross@example.com").await, Some(SuppressionReason::Complained));
    }

    #[tokio::test]
    async fn a_mailbox_that_is_full_for_now_is_left_alone() {
        let world = World::new().await;
        for bounce_type in ["Transient", "Undetermined"] {
            assert!(!deliver(&world, bounce(bounce_type, "full@example.com")).await);
        }
        assert!(world.dynamo.items(Table::Accounts).is_empty());
    }

    #[tokio::test]
    async fn what_is_no_report_is_a_dead_letter_without_an_address() {
        let world = World::new().await;
        assert!(
            !deliver(&world, json!({ "eventType": "Click", "mail": { "destination": ["ada@example.com"] } })).await
        );
        let [dead] = world.aws.take_sent().try_into().unwrap();
        let reason = dead.reason.unwrap();
        assert!(reason.starts_with("poison") && !reason.contains('@'), "{reason}");
    }
}
