//! A handler is an async function of its dependencies and one input. The lifetime in this trait lets its future borrow
//! the dependencies.

/// An async function `(&D, I) -> O`.
pub trait Handler<'a, D: 'a, I, O>: Send + Sync {
    type Future: Future<Output = O> + Send + 'a;

    fn call(&self, deps: &'a D, input: I) -> Self::Future;
}

impl<'a, D: 'a, I, O, F, Fut> Handler<'a, D, I, O> for F
where
    F: Fn(&'a D, I) -> Fut + Send + Sync,
    Fut: Future<Output = O> + Send + 'a,
{
    type Future = Fut;

    fn call(&self, deps: &'a D, input: I) -> Fut {
        self(deps, input)
    }
}
