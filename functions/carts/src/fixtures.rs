//! For tests: a buyer with a cart, and the changes that a seller makes to products, stock and coupons.

use contracts::carts::Cart;
use domain::{
    CouponId, Money, OrderId, ProductId, VariantId,
    catalog::{Product, ProductStatus},
    coupon::Coupon,
    stock::Stock,
};
use runtime::Principal;
use serde_json::{Value, json};
use store::keys;
use testing::{TestRequest, World, http::Answer};

use crate::{add, apply_coupon, change, clear, get, merge, remove, remove_coupon};

pub(crate) struct Buyer<'a> {
    pub(crate) world: &'a World,
    pub(crate) principal: Principal,
}

impl<'a> Buyer<'a> {
    pub(crate) fn new(world: &'a World, principal: &Principal) -> Self {
        Self { world, principal: principal.clone() }
    }

    pub(crate) fn request(&self) -> TestRequest {
        TestRequest::new().by(&self.principal).store(&self.world.store.slug)
    }

    pub(crate) async fn add(&self, of: &(Product, VariantId), quantity: u32) -> Answer {
        self.add_json(json!({ "product_id": of.0.id, "variant_id": of.1, "quantity": quantity })).await
    }

    pub(crate) async fn add_json(&self, body: Value) -> Answer {
        self.request().json(body).send(&self.world.deps, add::handle).await
    }

    pub(crate) async fn change(&self, variant: VariantId, quantity: u32) -> Answer {
        let request = self.request().path("id", variant).json(json!({ "quantity": quantity }));
        request.send(&self.world.deps, change::handle).await
    }

    pub(crate) async fn remove(&self, variant: VariantId) -> Answer {
        self.request().path("id", variant).send(&self.world.deps, remove::handle).await
    }

    pub(crate) async fn clear(&self) -> Answer {
        self.request().send(&self.world.deps, clear::handle).await
    }

    pub(crate) async fn apply(&self, code: &str) -> Answer {
        let key = self.world.deps.id(|ulid| ulid).to_string();
        self.request().key(&key).json(json!({ "code": code })).send(&self.world.deps, apply_coupon::handle).await
    }

    pub(crate) async fn remove_coupon(&self) -> Answer {
        self.request().send(&self.world.deps, remove_coupon::handle).await
    }

    pub(crate) async fn merge(&self, guest_token: &str) -> Answer {
        let request = self.request().json(json!({ "guest_token": guest_token }));
        request.send(&self.world.deps, merge::handle).await
    }

    pub(crate) async fn get(&self) -> Answer {
        self.request().send(&self.world.deps, get::handle).await
    }

    pub(crate) async fn cart(&self) -> Cart {
        self.get().await.ok()
    }

    /// Marks the cart as ordered, as placing an order does.
    pub(crate) async fn order(&self) -> OrderId {
        let world = self.world;
        let key = keys::cart(world.tenant, world.store.id, self.principal.account_id);
        let cart = world.deps.db.get::<domain::cart::Cart>(&key).await.unwrap().unwrap();
        let order = world.deps.id(OrderId::from_ulid);
        let mut tx = world.deps.tx();
        tx.update(world.tenant, &cart.value.ordered(order, world.deps.now()), cart.version);
        world.deps.db.commit(tx).await.unwrap();
        order
    }
}

async fn edit_product(world: &World, id: ProductId, edit: impl FnOnce(&mut Product)) {
    let mut product = world.deps.db.get::<Product>(&keys::product(world.tenant, id)).await.unwrap().unwrap();
    edit(&mut product.value);
    let mut tx = world.deps.tx();
    tx.update(world.tenant, &product.value, product.version);
    world.deps.db.commit(tx).await.unwrap();
}

pub(crate) async fn set_price(world: &World, id: ProductId, price_minor: i64) {
    let price = Money::new(price_minor, world.store.currency);
    edit_product(world, id, |product| product.variants[0].price = price).await;
}

pub(crate) async fn set_status(world: &World, id: ProductId, status: ProductStatus) {
    edit_product(world, id, |product| product.status = status).await;
}

pub(crate) async fn remove_variants(world: &World, id: ProductId) {
    edit_product(world, id, |product| product.variants.clear()).await;
}

pub(crate) async fn set_available(world: &World, variant: VariantId, units: i64) {
    let stock = world.deps.db.get::<Stock>(&keys::stock(world.tenant, variant)).await.unwrap().unwrap();
    let next = Stock { on_hand: stock.value.reserved + units, available: units, ..stock.value };
    let mut tx = world.deps.tx();
    tx.update(world.tenant, &next, stock.version);
    world.deps.db.commit(tx).await.unwrap();
}

pub(crate) async fn change_coupon(world: &World, id: CouponId, change: impl FnOnce(&mut Coupon)) {
    let key = keys::coupon(world.tenant, world.store.id, id);
    let mut coupon = world.deps.db.get::<Coupon>(&key).await.unwrap().unwrap();
    change(&mut coupon.value);
    let mut tx = world.deps.tx();
    tx.update(world.tenant, &coupon.value, coupon.version);
    world.deps.db.commit(tx).await.unwrap();
}

/// The variants and quantities of a cart's lines.
pub(crate) fn lines(cart: &Cart) -> Vec<(VariantId, u32)> {
    cart.lines.iter().map(|line| (line.variant_id, line.quantity)).collect()
}
