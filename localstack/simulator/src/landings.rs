//! Functions go on, die, or come to their end; and what their answers mean.

use std::collections::BTreeSet;

use fastrand::Rng;
use runtime::http::RawReply;
use serde_json::Value;

use crate::{
    faults::Fault,
    flights::{Errand, Flight, Result, Stand},
    limits::Limit,
    queues::Letter,
    sizes,
    world::{Asked, WITHOUT_COUPONS, World},
};

impl World {
    /// One of the functions under way makes its next call.
    pub(crate) fn go_on(&mut self, rng: &mut Rng) {
        let now_ms = self.cloud.state().now_ms;
        let ready: Vec<usize> = (0..self.flights.len()).filter(|at| self.flights[*at].is_ready(now_ms)).collect();
        // Half of the time the one called last, so that one may do all its work while another stands still.
        let newest = ready.last().copied().filter(|_| rng.bool());
        let Some(at) = newest.or_else(|| rng.choice(ready)) else {
            // All of them pause: time passes until the first of them wakes.
            let wakes_ms = self.flights.iter().filter_map(Flight::pauses_until_ms).min();
            if let Some(wakes_ms) = wakes_ms {
                let mut state = self.cloud.state();
                state.now_ms = state.now_ms.max(wakes_ms);
            }
            return;
        };
        match self.flights[at].resume(&self.cloud) {
            Stand::UnderWay => {}
            Stand::TimedOut => {
                let flight = self.flights.remove(at);
                self.dies(flight, "runs out of time");
            }
            Stand::Landed(result) => {
                let flight = self.flights.remove(at);
                self.land(flight, result, rng);
            }
        }
    }

    pub(crate) fn kill(&mut self, rng: &mut Rng) {
        if self.flights.is_empty() {
            return;
        }
        let flight = self.flights.swap_remove(rng.usize(0..self.flights.len()));
        self.cloud.state().faults.count(Fault::Killed);
        self.dies(flight, "is killed");
    }

    /// What it was called for comes again by itself: the queue and the stream see to that, and the client.
    fn dies(&mut self, flight: Flight, how: &str) {
        let mut state = self.cloud.state();
        let function = flight.function;
        state.tell(|| format!("    {function} {how}"));
        state.mail_doubts += u32::from(flight.has_mailed());
        if let Errand::Relay { records } = flight.errand {
            state.stream.extend(records);
        }
    }

    fn land(&mut self, flight: Flight, result: Result, rng: &mut Rng) {
        let (function, has_mailed, was_hindered) = (flight.function, flight.has_mailed(), flight.was_hindered());
        let reply_lost = {
            let mut state = self.cloud.state();
            let lost = state.faults.strikes(Fault::ReplyLost, rng);
            if lost {
                state.tell(|| format!("    {function} is done, and nobody hears of it"));
            }
            lost
        };
        match (flight.errand, result) {
            (Errand::Request(asked), Result::Reply(reply)) => {
                self.cloud.state().tell(|| {
                    let body = String::from_utf8_lossy(&reply.body);
                    format!("    {function} answers {} {}", reply.status, gist(&body))
                });
                if !reply_lost && !self.is_too_large(function, &reply) {
                    self.judge(function, &asked, &reply);
                }
            }
            (Errand::Batch { queue, letters }, Result::Batch(response)) => {
                let failed: BTreeSet<_> =
                    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
                for letter in letters {
                    if failed.contains(&letter.id.to_string()) {
                        let mut state = self.cloud.state();
                        state.tell(|| format!("    {function} will get a message again"));
                        state.mail_doubts += u32::from(has_mailed);
                        if !was_hindered && !letter.is_poison {
                            state.wasted(function, &letter);
                        }
                    } else if !reply_lost {
                        self.dealt_with(queue, letter);
                    }
                }
            }
            (Errand::Relay { records }, Result::Relay(result)) => {
                if result.is_err() || reply_lost {
                    self.cloud.state().stream.extend(records);
                }
            }
            (Errand::Tick, Result::Tick) => {}
            _ => unreachable!("a flight lands as what it took off as"),
        }
    }

    fn dealt_with(&mut self, queue: usize, letter: Letter) {
        self.cloud.state().queues.delete(queue, letter.id);
        // A consumer that buries poison by itself has not dealt with it.
        if !letter.is_poison {
            self.dealt_with.push((queue, letter.body));
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
