//! Macros that declare a function's row together with its types, so that they always agree.

/// Declares endpoints: for each a type, its [`Row`](crate::Row) and its types of path, query, body and reply.
#[macro_export]
macro_rules! endpoints {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $method:ident $path_text:literal => $function:literal {
            access: $access:expr,
            store: $store:ident,
            idempotency: $idempotency:ident,
            path: $path:ty,
            query: $query:ty,
            body: $body:ty,
            reply: $status:literal $reply:ty,
            tables: [$($table:ident: $($action:ident)+),* $(,)?],
            emits: [$($event:ident),* $(,)?],
            $(problems: [$($problem:ident),* $(,)?],)?
            $(grants: [$($grant:ident),* $(,)?],)?
            $(rate: $rate:ident,)?
            $(memory_mb: $memory:expr,)?
            $(reserved: $reserved:literal,)?
        }
    )*) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug)]
            pub struct $name;

            impl $crate::Function for $name {
                const ROW: &'static $crate::Row = &$crate::Row {
                    function: $function,
                    doc: concat!($($doc, "\n"),+),
                    trigger: $crate::row::Trigger::Request(<Self as $crate::Endpoint>::ROUTE),
                    tables: &[$(($crate::table::Table::$table, &[$($crate::table::Action::$action),+])),*],
                    emits: &[$(<$crate::events::$event as $crate::events::Event>::TYPE),*],
                    grants: &[$($($crate::row::Grant::$grant),*)?],
                    memory_mb: { let _memory = $crate::row::MEMORY_MB; $(let _memory = $memory;)? _memory },
                    timeout_s: $crate::row::ENDPOINT_TIMEOUT_S,
                    reserved: { let _reserved = false; $(let _reserved = $reserved;)? _reserved },
                };
            }

            impl $crate::Endpoint for $name {
                type Path = $path;
                type Query = $query;
                type Body = $body;
                type Reply = $reply;
                const ROUTE: &'static $crate::row::Route = &$crate::row::Route {
                    method: $crate::row::Method::$method,
                    path: $path_text,
                    access: $access,
                    store: $crate::row::StoreScope::$store,
                    idempotency: $crate::row::Idempotency::$idempotency,
                    status: $status,
                    rate: {
                        let _rate = $crate::row::RateClass::of($crate::row::Method::$method);
                        $(let _rate = $crate::row::RateClass::$rate;)?
                        _rate
                    },
                    problems: &[$($(&$crate::problems::$problem),*)?],
                    #[cfg(feature = "schema")]
                    schemas: |generator| $crate::row::Schemas {
                        path: generator.subschema_for::<$path>(),
                        query: generator.subschema_for::<$query>(),
                        body: generator.subschema_for::<$body>(),
                        reply: generator.subschema_for::<$reply>(),
                    },
                };
            }
        )*

        /// The rows of this service's endpoints.
        pub const ENDPOINTS: &[&$crate::Row] = &[$(<$name as $crate::Function>::ROW),*];
    };
}

/// Declares functions that receive messages: `on` events, a timer `about` an aggregate, or reports `from` a service.
#[macro_export]
macro_rules! steps {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $function:literal $kind:ident $input:ty {
            $(batch: $batch:literal,)?
            $(concurrency: $concurrency:literal,)?
            $(timeout_s: $timeout:literal,)?
            retry: $retry:ident,
            tables: [$($table:ident: $($action:ident)+),* $(,)?],
            emits: [$($event:ident),* $(,)?],
            $(grants: [$($grant:ident),* $(,)?],)?
            $(reserved: $reserved:literal,)?
        }
    )*) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug)]
            pub struct $name;

            impl $crate::Function for $name {
                const ROW: &'static $crate::Row = &$crate::Row {
                    function: $function,
                    doc: concat!($($doc, "\n"),+),
                    trigger: $crate::steps!(@trigger $kind $input, $crate::row::Queue {
                        batch: { let _batch = 10; $(let _batch = $batch;)? _batch },
                        concurrency: { let _concurrency = 0; $(let _concurrency = $concurrency;)? _concurrency },
                        retry: $crate::row::Retry::$retry,
                    }),
                    tables: &[$(($crate::table::Table::$table, &[$($crate::table::Action::$action),+])),*],
                    emits: &[$(<$crate::events::$event as $crate::events::Event>::TYPE),*],
                    grants: &[$($($crate::row::Grant::$grant),*)?],
                    memory_mb: $crate::row::MEMORY_MB,
                    timeout_s: { let _timeout_s = $crate::row::STEP_TIMEOUT_S; $(let _timeout_s = $timeout;)? _timeout_s },
                    reserved: { let _reserved = false; $(let _reserved = $reserved;)? _reserved },
                };
            }

            $crate::steps!(@input $kind $name $input);
        )*

        /// The rows of this service's functions that receive messages.
        pub const STEPS: &[&$crate::Row] = &[$(<$name as $crate::Function>::ROW),*];
    };
    (@trigger on $input:ty, $queue:expr) => {
        $crate::row::Trigger::Events { types: <$input as $crate::events::Incoming>::TYPES, queue: $queue }
    };
    (@trigger about $input:ty, $queue:expr) => {
        $crate::row::Trigger::Timer { queue: $queue }
    };
    (@trigger from $input:ty, $queue:expr) => {
        $crate::row::Trigger::MailReports { queue: $queue }
    };
    (@input on $name:ident $input:ty) => {
        impl $crate::Consumer for $name {
            type Event = $input;
        }
    };
    (@input about $name:ident $input:ty) => {
        impl $crate::Timer for $name {
            type Subject = $input;
        }
    };
    (@input from $name:ident $input:ty) => {
        impl $crate::Reported for $name {
            type Report = $input;
        }
    };
}
