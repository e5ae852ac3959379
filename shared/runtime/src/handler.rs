//! A handler is a plain async function over its dependencies and one input. This trait says so in a way that lets
//! the function borrow its dependencies.

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
