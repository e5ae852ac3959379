//! EventBridge, SES and Secrets Manager, as functions call them. SQS is in `messages`, DynamoDB in `dynamo`.

use serde_json::{Value, json};
use testing::world::secret_texts;

use crate::{
    cloud::{Answer, State},
    faults::Fault,
    grants::Use,
    outages::Service,
    sizes,
};

impl State {
    /// EventBridge.
    pub(crate) fn put_events(&mut self, body: &[u8]) -> Answer {
        if let Some(denied) = self.denies(&Use::PutEvents) {
            return denied;
        }
        if self.strikes(Fault::NoAnswer) {
            return Answer::Lost;
        }
        if self.strikes(Fault::ServerError) || self.is_away(Service::Bus) {
            return Answer::Is(500, json!({ "__type": "InternalException", "message": "away" }).to_string());
        }
        let request: Value = serde_json::from_slice(body).unwrap();
        let asked = request["Entries"].as_array().map_or(&[][..], Vec::as_slice);
        let mut refused = match sizes::of_events(asked) {
            Ok(refused) => refused.into_iter(),
            Err(refusal) => match self.refuses(refusal) {
                Some(answer) => return answer,
                None => vec![None; asked.len()].into_iter(),
            },
        };
        let (mut entries, mut failed) = (vec![], 0);
        let partly = self.strikes(Fault::PartialPublish);
        for entry in asked {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            if let Some((code, why)) = refused.next().flatten() {
                failed += 1;
                entries.push(json!({ "ErrorCode": code, "ErrorMessage": why }));
                self.refuses((code, why));
                continue;
            }
            if partly && self.draw(0..=1) == 0 {
                failed += 1;
                entries.push(json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "slow down" }));
                continue;
            }
            let detail: Value = serde_json::from_str(&text("Detail")).unwrap();
            self.publish(&text("DetailType"), &text("Source"), detail);
            entries.push(json!({ "EventId": format!("{}", self.calls) }));
        }
        if self.strikes(Fault::AnswerLost) {
            return Answer::Lost;
        }
        Answer::Is(200, json!({ "FailedEntryCount": failed, "Entries": entries }).to_string())
    }

    pub(crate) fn publish(&mut self, event_type: &str, source: &str, mut detail: Value) {
        self.tell(|| format!("    on the bus: {event_type} of {}", detail["subject"].as_str().unwrap_or_default()));
        self.published.push((event_type.to_owned(), source.to_owned(), detail.clone()));
        if self.strikes(Fault::OlderWriter) {
            let fields = detail.as_object_mut().unwrap();
            for later in ["traceparent", "causation_id"] {
                fields.remove(later);
            }
            // An event of before there were coupons.
            fields["data"].as_object_mut().unwrap().remove("coupon");
        }
        if let Some(why) = sizes::of_delivery(&detail) {
            // Neither can the queue of its dead letters take it.
            self.refuses(("", format!("the bus can put {event_type} into no queue: {why}")));
            return;
        }
        self.queues.publish(event_type, source, &detail, self.now_ms);
    }

    /// SES.
    pub(crate) fn send_email(&mut self, body: &[u8]) -> Answer {
        if let Some(denied) = self.denies(&Use::SendEmail) {
            return denied;
        }
        if self.strikes(Fault::NoAnswer) {
            return Answer::Lost;
        }
        if self.strikes(Fault::ServerError) || self.is_away(Service::Mail) {
            return Answer::Is(500, json!({ "message": "away" }).to_string());
        }
        if self.is_away(Service::MailRate) {
            return Answer::Is(
                429,
                json!({ "__type": "TooManyRequestsException", "message": "slow down" }).to_string(),
            );
        }
        let request: Value = serde_json::from_slice(body).unwrap();
        let to = request["Destination"]["ToAddresses"][0].as_str().unwrap_or_default().to_owned();
        let subject = request["Content"]["Simple"]["Subject"]["Data"].as_str().unwrap_or_default().to_owned();
        self.tell(|| format!("    mail to {to}: {subject}"));
        self.mails += 1;
        if let Some(running) = &mut self.running {
            running.mails += 1;
        }
        if self.strikes(Fault::AnswerLost) {
            self.mail_doubts += 1;
            return Answer::Lost;
        }
        Answer::Is(200, json!({ "MessageId": "m" }).to_string())
    }
    /// Secrets Manager.
    pub(crate) fn secret(&mut self, body: &[u8]) -> Answer {
        let request: Value = serde_json::from_slice(body).unwrap();
        let name = request["SecretId"].as_str().unwrap();
        if let Some(denied) = self.denies(&Use::Secret(name.rsplit('/').next().unwrap().to_owned())) {
            return denied;
        }
        let (_, text) = secret_texts().into_iter().find(|(known, _)| known == name).unwrap();
        Answer::Is(200, json!({ "Name": name, "SecretString": text }).to_string())
    }
}
