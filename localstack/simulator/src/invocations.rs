//! Functions under way. Each stands at a call to the outside until it is resumed; in between, others go on.

use std::{
    collections::BTreeSet,
    task::{Context, Poll, Waker},
};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsMessage};
use contracts::Row;
use fastrand::Rng;
use runtime::{
    StepError, host,
    http::{RawReply, RawRequest},
};
use serde_json::Value;

use crate::{
    cloud::{Batch, Cloud, Running, Waiting},
    faults::Fault,
    functions::{Doing, Functions},
    guards::body_of,
    queues::{Lineage, Message},
    wire::clock_off_ms,
    world::Asked,
};

/// Why a function was called.
pub(crate) enum Input {
    Request(Asked),
    Batch { queue: usize, messages: Vec<Message> },
    Relay { records: Vec<Value> },
    Tick,
}

/// What it gave back.
pub(crate) enum Result {
    Reply(RawReply),
    Batch(SqsBatchResponse),
    Relay(std::result::Result<(), StepError>),
    Tick,
}

pub(crate) struct Invocation {
    pub(crate) input: Input,
    pub(crate) function: &'static str,
    doing: Doing<Result>,
    running: Option<Running>,
    gives_up_ms: i64,
}

/// How a resumed function stands.
pub(crate) enum Progress {
    /// At its next call, or pausing.
    UnderWay,
    Ended(Result),
    TimedOut,
}

impl Invocation {
    pub(crate) fn request(
        cloud: &Cloud,
        functions: &Functions,
        row: &'static Row,
        raw: RawRequest,
        asked: Asked,
        rng: &mut Rng,
    ) -> Self {
        let tenants = raw.principal.as_ref().and_then(|principal| principal.tenant_id).map(|id| id.to_string());
        let doing = functions.answer(row, raw);
        let doing = Box::pin(async move { Result::Reply(doing.await) });
        Self::begin(cloud, Input::Request(asked), row, doing, tenants.into_iter().collect(), rng)
    }

    pub(crate) fn batch(
        cloud: &Cloud,
        functions: &Functions,
        queue: usize,
        messages: Vec<Message>,
        rng: &mut Rng,
    ) -> Self {
        let row = cloud.state().queues.all[queue].row;
        let tenants: BTreeSet<String> = messages.iter().filter_map(Message::tenant).collect();
        let records = messages.iter().map(|message| record(message, body_of(&cloud.state(), message))).collect();
        let doing = functions.take(row, records);
        let doing = Box::pin(async move { Result::Batch(doing.await) });
        let batch = Batch { lineage: next_lineage(row.function, &messages), messages: messages.clone() };
        let mut invocation = Self::begin(cloud, Input::Batch { queue, messages }, row, doing, tenants, rng);
        if let Some(running) = &mut invocation.running {
            running.batch = batch;
        }
        invocation
    }

    pub(crate) fn relay(
        cloud: &Cloud,
        functions: &Functions,
        row: &'static Row,
        records: Vec<Value>,
        rng: &mut Rng,
    ) -> Self {
        let doing = functions.stream(row, records.clone());
        let doing = Box::pin(async move { Result::Relay(doing.await) });
        Self::begin(cloud, Input::Relay { records }, row, doing, BTreeSet::new(), rng)
    }

    pub(crate) fn tick(cloud: &Cloud, functions: &Functions, row: &'static Row, rng: &mut Rng) -> Self {
        let doing = functions.tick(row);
        // What it could not do is there at the next tick.
        let doing = Box::pin(async move {
            let _ = doing.await;
            Result::Tick
        });
        Self::begin(cloud, Input::Tick, row, doing, BTreeSet::new(), rng)
    }

    fn begin(
        cloud: &Cloud,
        input: Input,
        row: &'static Row,
        doing: Doing<Result>,
        tenants: BTreeSet<String>,
        rng: &mut Rng,
    ) -> Self {
        let mut state = cloud.state();
        let rng = &mut rng.fork();
        let mut clock_off_ms = clock_off_ms(&mut state.faults, rng);
        if matches!(input, Input::Tick) {
            clock_off_ms += state.timers.sweep_ahead_ms;
        }
        let running = Running {
            function: row.function,
            tenants,
            clock_off_ms,
            rng: rng.fork(),
            permit: false,
            waiting: None,
            mails: 0,
            hindered: false,
            batch: Batch::default(),
            effects: BTreeSet::new(),
        };
        let gives_up_ms = state.now_ms + i64::from(row.timeout_s) * 1_000;
        Self { input, function: row.function, doing, running: Some(running), gives_up_ms }
    }

    /// Whether it has sent a mail, of which nobody may know now.
    pub(crate) fn has_mailed(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.mails > 0)
    }

    /// Whether something went wrong for it.
    pub(crate) fn was_hindered(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.hindered)
    }

    /// Whether it can go on now.
    pub(crate) fn is_ready(&self, now_ms: i64) -> bool {
        match self.running.as_ref().and_then(|running| running.waiting) {
            Some(Waiting::Until(until_ms)) => now_ms >= until_ms.min(self.gives_up_ms),
            Some(Waiting::Call) | None => true,
        }
    }

    /// When its pause is over, if it pauses.
    pub(crate) fn pauses_until_ms(&self) -> Option<i64> {
        match self.running.as_ref().and_then(|running| running.waiting) {
            Some(Waiting::Until(until_ms)) => Some(until_ms.min(self.gives_up_ms)),
            Some(Waiting::Call) | None => None,
        }
    }

    /// Lets it make one call.
    pub(crate) fn resume(&mut self, cloud: &Cloud) -> Progress {
        {
            let mut state = cloud.state();
            if state.now_ms >= self.gives_up_ms {
                state.faults.count(Fault::TimedOut);
                return Progress::TimedOut;
            }
            let mut running = self.running.take().unwrap();
            (running.permit, running.waiting) = (true, None);
            state.running = Some(running);
        }
        let polled = self.doing.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.running = cloud.state().running.take();
        match polled {
            Poll::Ready(result) => Progress::Ended(result),
            Poll::Pending => Progress::UnderWay,
        }
    }
}

fn record(message: &Message, body: String) -> SqsMessage {
    host::message(message.id.to_string(), message.receipt(), body, message.sent_ms, message.receives)
}

/// What the messages that a batch sends are part of. What AWS does where the messages of a batch belong to several
/// chains it does not say: here the longest counts.
fn next_lineage(function: &'static str, messages: &[Message]) -> Lineage {
    let mut lineage = Lineage::new();
    for (function, times) in messages.iter().flat_map(|message| &message.lineage) {
        let longest = lineage.entry(function).or_default();
        *longest = (*longest).max(*times);
    }
    *lineage.entry(function).or_default() += 1;
    lineage
}
