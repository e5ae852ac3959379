//! Functions go on, die, or come to their end; and what their answers mean.

use std::collections::BTreeSet;

use fastrand::Rng;
use runtime::http::RawReply;
use serde_json::Value;

use crate::{
    faults::Fault,
    invocations::{Input, Invocation, Progress, Result},
    limits::Limit,
    queues::Message,
    sizes,
    world::{Asked, WITHOUT_COUPONS, World},
};

impl World {
    /// One of the functions under way makes its next call.
    pub(crate) fn go_on(&mut self, rng: &mut Rng) {
        let now_ms = self.cloud.state().now_ms;
        let ready: Vec<usize> =
            (0..self.invocations.len()).filter(|at| self.invocations[*at].is_ready(now_ms)).collect();
        // Half of the time the one called last, so that one may do all its work while another stands still.
        let newest = ready.last().copied().filter(|_| rng.bool());
        let Some(at) = newest.or_else(|| rng.choice(ready)) else {
            // All of them pause: time passes until the first of them wakes.
            let wakes_ms = self.invocations.iter().filter_map(Invocation::pauses_until_ms).min();
            if let Some(wakes_ms) = wakes_ms {
                let mut state = self.cloud.state();
                state.now_ms = state.now_ms.max(wakes_ms);
            }
            return;
        };
        match self.invocations[at].resume(&self.cloud) {
            Progress::UnderWay => {}
            Progress::TimedOut => {
                let invocation = self.invocations.remove(at);
                self.dies(invocation, "runs out of time");
            }
            Progress::Ended(result) => {
                let invocation = self.invocations.remove(at);
                self.ended(invocation, result, rng);
            }
        }
    }

    pub(crate) fn kill(&mut self, rng: &mut Rng) {
        if self.invocations.is_empty() {
            return;
        }
        let invocation = self.invocations.swap_remove(rng.usize(0..self.invocations.len()));
        self.cloud.state().faults.count(Fault::Killed);
        self.dies(invocation, "is killed");
    }

    /// What it was called for comes again by itself: the queue and the stream see to that, and the client.
    fn dies(&mut self, invocation: Invocation, how: &str) {
        let mut state = self.cloud.state();
        let function = invocation.function;
        state.tell(|| format!("    {function} {how}"));
        state.mail_doubts += u32::from(invocation.has_mailed());
        if let Input::Relay { records } = invocation.input {
            state.stream.extend(records);
        }
    }

    fn ended(&mut self, invocation: Invocation, result: Result, rng: &mut Rng) {
        let (function, has_mailed, was_hindered) =
            (invocation.function, invocation.has_mailed(), invocation.was_hindered());
        let reply_lost = {
            let mut state = self.cloud.state();
            let lost = state.faults.strikes(Fault::ReplyLost, rng);
            if lost {
                state.tell(|| format!("    {function} is done, and nobody hears of it"));
            }
            lost
        };
        match (invocation.input, result) {
            (Input::Request(asked), Result::Reply(reply)) => {
                self.cloud.state().tell(|| {
                    let body = String::from_utf8_lossy(&reply.body);
                    format!("    {function} answers {} {}", reply.status, gist(&body))
                });
                if !reply_lost && !self.is_too_large(function, &reply) {
                    self.judge(function, &asked, &reply);
                }
            }
            (Input::Batch { queue, messages }, Result::Batch(response)) => {
                let failed: BTreeSet<_> =
                    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
                for message in messages {
                    if failed.contains(&message.id.to_string()) {
                        let mut state = self.cloud.state();
                        state.tell(|| format!("    {function} will get a message again"));
                        state.mail_doubts += u32::from(has_mailed);
                        if !was_hindered && !message.is_poison {
                            state.wasted(function, &message);
                        }
                    } else if !reply_lost {
                        self.dealt_with(queue, message);
                    }
                }
            }
            (Input::Relay { records }, Result::Relay(result)) => {
                if result.is_err() || reply_lost {
                    self.cloud.state().stream.extend(records);
                }
            }
            (Input::Tick, Result::Tick) => {}
            _ => unreachable!("a invocation lands as what it took off as"),
        }
    }

    fn dealt_with(&mut self, queue: usize, message: Message) {
        self.cloud.state().queues.delete(queue, message.id);
        // A consumer that buries poison by itself has not dealt with it.
        if !message.is_poison {
            self.dealt_with.push((queue, message.body));
        }
    }

    /// Lambda does not give such an answer on: the caller gets an error.
    fn is_too_large(&mut self, function: &str, reply: &RawReply) -> bool {
        let mut state = self.cloud.state();
        let size = sizes::of_answer(&reply.body).filter(|_| state.limits.contains(&Limit::Sizes));
        if let Some(size) = size {
            state.breaks("I17", format!("AWS: an answer of {function} has {size} bytes, and Lambda gives on 6 MB"));
        }
        size.is_some()
    }

    fn judge(&mut self, function: &str, asked: &Asked, reply: &RawReply) {
        let status = reply.status;
        let says = |wanted: &str| format!("{function} answered {status}, not {wanted}");
        let mut broken = vec![];
        if status >= 500 && status != 503 {
            broken.push(("I15", says("a problem with its reason")));
        }
        match asked {
            Asked::Place(at) if status == 201 => self.requests[*at].replies.push(reply.body.clone()),
            Asked::Wish(at) if (200..300).contains(&status) => self.wishes[*at].replies.push(reply.body.clone()),
            Asked::Place(at) if status == 409 && code_of(reply).starts_with("coupon_") => {
                let of = (self.requests[*at].shop, self.requests[*at].buyer);
                self.filled.insert(of);
                self.disappointed.insert(of);
            }
            Asked::Cart { shop, buyer } if status == 200 => {
                self.filled.insert((*shop, *buyer));
                if *buyer >= WITHOUT_COUPONS {
                    self.with_coupons.insert((*shop, *buyer));
                }
            }
            Asked::Own => {
                // A payment is there a moment after its order.
                let is_early = status == 404 && function == "payments-get";
                if ![200, 503].contains(&status) && !is_early {
                    broken.push(("I10", says("what is the caller's own")));
                }
            }
            Asked::NotOwn if ![404, 503].contains(&status) => broken.push(("I10", says("404"))),
            Asked::FalseCursor if ![400, 503].contains(&status) => broken.push(("I10", says("400"))),
            Asked::FalseWebhook if ![401, 503].contains(&status) => broken.push(("I1", says("401"))),
            Asked::Page { shop } if status == 200 => {
                let page: Value = serde_json::from_slice(&reply.body).unwrap();
                if let Some(cursor) = page["next_cursor"].as_str() {
                    self.cursors.push((*shop, cursor.to_owned()));
                }
            }
            _ => {}
        }
        let mut state = self.cloud.state();
        for (invariant, detail) in broken {
            state.breaks(invariant, detail);
        }
    }
}

/// Of a problem.
fn code_of(reply: &RawReply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    body["code"].as_str().unwrap_or_default().to_owned()
}

/// What an answer says, in a few words.
fn gist(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    let errors: Vec<_> = errors.iter().filter_map(|error| error["detail"].as_str()).collect();
    let parts = [text("code"), text("id"), text("status")].into_iter().flatten();
    let mut parts: Vec<String> = parts.collect();
    parts.extend(errors.into_iter().map(str::to_owned));
    parts.join(" ")
}
