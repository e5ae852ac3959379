//! Every function that a run can call, made as its Lambda makes it: dependencies from a [`Boot`], the handler over them.
//! Only what `Boot` holds is another one: AWS, the provider, the clock, randomness.

use std::{collections::BTreeMap, pin::Pin, sync::Arc, time::Duration};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsMessage};
use aws_sdk_dynamodb::config::IdentityCache;
use aws_smithy_async::{rt::sleep::SharedAsyncSleep, time::SharedTimeSource};
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion, stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};
use contracts::{Consumer, Endpoint};
use runtime::{
    Boot, Call, Config, Deps, FromBoot, Handler, Message, Outcome, StepError,
    consumer::handle_batch,
    http::{RawReply, RawRequest, answer},
    outbound::Outbound,
    stream::handle_records,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    cloud::Cloud,
    wire::{To, Wire},
};

pub(crate) type Doing<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Function<I, O> = Box<dyn Fn(I) -> Doing<O>>;

pub(crate) struct Functions {
    pub(crate) endpoints: BTreeMap<&'static str, Function<RawRequest, RawReply>>,
    pub(crate) consumers: BTreeMap<&'static str, Function<Vec<SqsMessage>, SqsBatchResponse>>,
    pub(crate) relay: Function<Vec<Value>, Result<(), StepError>>,
}

impl Functions {
    pub(crate) fn new(cloud: &Cloud, config: &Config, run: u64) -> Self {
        let mut functions = Self {
            endpoints: BTreeMap::new(),
            consumers: BTreeMap::new(),
            relay: relay(&boot(cloud, config, run, "platform-outbox-relay")),
        };
        functions.add_endpoints(&boot(cloud, config, run, ""));
        functions.add_consumers(|row| boot(cloud, config, run, row.function));
        for row in contracts::consumers() {
            let is_relay = row.function == "platform-outbox-relay";
            assert!(is_relay || functions.consumers.contains_key(row.function), "{} is not simulated", row.function);
        }
        functions
    }

    fn add_endpoints(&mut self, boot: &Boot) {
        self.endpoint(boot, carts::add::handle);
        self.endpoint(boot, carts::apply_coupon::handle);
        self.endpoint(boot, carts::get::handle);
        self.endpoint(boot, carts::remove_coupon::handle);
        self.endpoint(boot, coupons::update::handle);
        self.endpoint(boot, inventory::adjust::handle);
        self.endpoint(boot, inventory::list::handle);
        self.endpoint(boot, orders::place::handle);
        self.endpoint(boot, orders::cancel::handle);
        self.endpoint(boot, orders::fulfil::handle);
        self.endpoint(boot, orders::request_return::handle);
        self.endpoint(boot, orders::decide_return::handle);
        self.endpoint(boot, orders::get::handle);
        self.endpoint(boot, orders::list_all::handle);
        self.endpoint(boot, orders::timeline::handle);
        self.endpoint(boot, payments::refund::handle);
        self.endpoint(boot, payments::start::handle);
        self.endpoint(boot, payments::get::handle);
        self.endpoint(boot, payments::webhook_paystack::handle);
        self.endpoint(boot, products::list::handle);
        self.endpoint(boot, products::update_variant::handle);
    }

    fn add_consumers(&mut self, boot: impl Fn(&Consumer) -> Boot) {
        use contracts::{
            audit as audit_rows, coupons as coupon_rows, inventory as inventory_rows,
            notifications as notification_rows, orders as order_rows, payments as payment_rows,
        };
        self.consumer(&audit_rows::ON_EVENT, &boot, audit::on_event::handle);
        self.consumer(&coupon_rows::ON_ORDER_CANCELLED, &boot, coupons::on_order_cancelled::handle);
        self.consumer(&inventory_rows::ON_ORDER_PAID, &boot, inventory::on_order_paid::handle);
        self.consumer(&inventory_rows::ON_ORDER_CANCELLED, &boot, inventory::on_order_cancelled::handle);
        self.consumer(&inventory_rows::ON_ORDER_RETURNED, &boot, inventory::on_order_returned::handle);
        self.consumer(&notification_rows::ON_EVENT, &boot, notifications::on_event::handle);
        self.consumer(&order_rows::ON_PAYMENT_COMPLETED, &boot, orders::on_payment_completed::handle);
        self.consumer(&order_rows::ON_PAYMENT_FAILED, &boot, orders::on_payment_failed::handle);
        self.consumer(&order_rows::ON_STOCK_UPDATED, &boot, orders::on_stock_updated::handle);
        self.consumer(&order_rows::ON_STOCK_REJECTED, &boot, orders::on_stock_rejected::handle);
        self.consumer(&order_rows::ON_REFUND_COMPLETED, &boot, orders::on_refund_completed::handle);
        self.consumer(&order_rows::EXPIRE, &boot, orders::expire::handle);
        self.consumer(&payment_rows::PROCESS_WEBHOOK, &boot, payments::process_webhook::handle);
        self.consumer(&payment_rows::RECONCILE, &boot, payments::reconcile::handle);
        self.consumer(&payment_rows::ON_ORDER_CREATED, &boot, payments::on_order_created::handle);
        self.consumer(&payment_rows::ON_ORDER_CANCELLED, &boot, payments::on_order_cancelled::handle);
        self.consumer(&payment_rows::ON_STOCK_REJECTED, &boot, payments::on_stock_rejected::handle);
        self.consumer(&payment_rows::ON_ORDER_RETURNED, &boot, payments::on_order_returned::handle);
    }

    fn endpoint<E, D, H>(&mut self, boot: &Boot, handler: H)
    where
        E: Endpoint,
        D: FromBoot + AsRef<Deps>,
        H: for<'a> Handler<'a, D, Call<E>, Outcome<E>> + 'static,
    {
        let shared = Arc::new((D::from_boot(boot), handler));
        let function: Function<RawRequest, RawReply> = Box::new(move |raw| {
            let shared = Arc::clone(&shared);
            Box::pin(async move { answer::<E, D, H>(&shared.0, &shared.1, raw).await })
        });
        self.endpoints.insert(E::SPEC.function, function);
    }

    fn consumer<E, D, H>(&mut self, row: &Consumer, boot: &impl Fn(&Consumer) -> Boot, handler: H)
    where
        E: DeserializeOwned + Send + 'static,
        D: FromBoot + AsRef<Deps>,
        H: for<'a> Handler<'a, D, Message<E>, Result<(), StepError>> + 'static,
    {
        let shared = Arc::new((D::from_boot(&boot(row)), handler));
        let function: Function<Vec<SqsMessage>, SqsBatchResponse> = Box::new(move |records| {
            let shared = Arc::clone(&shared);
            Box::pin(async move { handle_batch(&shared.0, &shared.1, records).await })
        });
        self.consumers.insert(row.function, function);
    }
}

fn relay(boot: &Boot) -> Function<Vec<Value>, Result<(), StepError>> {
    let relay = Arc::new(platform::outbox_relay::Relay::from_boot(boot));
    Box::new(move |records| {
        let relay = Arc::clone(&relay);
        Box::pin(async move { handle_records(&*relay, &platform::outbox_relay::handle, &records).await })
    })
}

fn boot(cloud: &Cloud, config: &Config, run: u64, function: &str) -> Boot {
    let config = Config { queue_url: format!("https://sqs.example/{function}"), ..config.clone() };
    Boot {
        sdk: sdk_config(cloud, run),
        config,
        clock: Arc::new(cloud.clone()),
        entropy: Arc::new(cloud.clone()),
        outbound: Some(Outbound::over(Wire { cloud: cloud.clone(), to: To::Provider })),
    }
}

/// As many tries as in `runtime::boot`, without the pauses, whose jitter would come from outside the seed.
fn retries() -> RetryConfig {
    const NO_TIME: Duration = Duration::from_nanos(1);
    RetryConfig::standard().with_max_attempts(4).with_initial_backoff(NO_TIME).with_max_backoff(NO_TIME)
}

/// As `runtime::boot` makes it, with another connector, time and pause. Without time limits of its own: what is slow
/// here is slow in the world's time, and a lost answer is told.
fn sdk_config(cloud: &Cloud, run: u64) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        // The SDK keeps one budget of retries for each region in the process; each run has its own.
        .region(Region::new(format!("simulated-{run}")))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
        .http_client(Wire { cloud: cloud.clone(), to: To::Aws })
        .sleep_impl(SharedAsyncSleep::new(cloud.clone()))
        .time_source(SharedTimeSource::new(cloud.clone()))
        // A cache would set a timer for each look into it.
        .identity_cache(IdentityCache::no_cache())
        .retry_config(retries())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}
