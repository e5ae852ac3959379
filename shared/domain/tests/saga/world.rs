//! Two buyers and what is between them, as the explorer sees it. Sides and what is shared are numbered as they turn up,
//! so a state is three numbers; and as the rules are pure, what can happen to a side is worked out once for each of these.

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use domain::{reservation::ReservationState, stock::Stock};

use crate::{
    explorer::{Model, Next},
    inventory, laws,
    moves::{Scope, What, moves},
    side::{Shared, Side, one_unit},
    transaction::Transition,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct World {
    shared: u16,
    sides: [u32; 2],
}

/// A move of one of the buyers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) buyer: usize,
    pub(crate) what: What,
}

pub(crate) struct Shop {
    scope: Scope,
    sides: Vec<Option<Rc<Side>>>,
    known: HashMap<Option<Rc<Side>>, u32>,
    shared: Vec<Shared>,
    /// By the numbers of side and what is shared.
    moves: HashMap<(u32, u16), Rc<Moves>>,
    /// What the machines did.
    pub(crate) made: BTreeSet<Transition>,
    /// States in which nothing happens by itself any more, and how the orders, their stock and payments are in them.
    pub(crate) rests: usize,
    pub(crate) ends: BTreeSet<[Option<End>; 2]>,
}

pub(crate) type End = [&'static str; 3];

struct Moves {
    next: Vec<Next<What, (u32, u16)>>,
    are_at_rest: bool,
}

impl Shop {
    pub(crate) fn new(scope: Scope) -> Self {
        Self {
            scope,
            sides: vec![None],
            known: HashMap::from([(None, 0)]),
            shared: vec![Shared { stock: one_unit(), uses: 0 }],
            moves: HashMap::new(),
            made: BTreeSet::new(),
            rests: 0,
            ends: BTreeSet::new(),
        }
    }

    pub(crate) fn side(&self, world: World, buyer: usize) -> Option<&Side> {
        self.sides[world.sides[buyer] as usize].as_deref()
    }

    pub(crate) fn stock(&self, world: World) -> &Stock {
        &self.shared[usize::from(world.shared)].stock
    }

    fn number_side(&mut self, side: Side) -> u32 {
        let side = Some(Rc::new(side));
        let next = u32::try_from(self.sides.len()).expect("fewer than 2^32 sides");
        *self.known.entry(side.clone()).or_insert_with(|| {
            self.sides.push(side);
            next
        })
    }

    fn number_shared(&mut self, shared: Shared) -> u16 {
        let number = self.shared.iter().position(|known| *known == shared).unwrap_or_else(|| {
            self.shared.push(shared);
            self.shared.len() - 1
        });
        u16::try_from(number).expect("fewer than 2^16 stocks and uses")
    }

    fn moves(&mut self, side: u32, shared: u16) -> Rc<Moves> {
        if let Some(known) = self.moves.get(&(side, shared)) {
            return Rc::clone(known);
        }
        let found = moves(self.scope, self.sides[side as usize].as_deref(), &self.shared[usize::from(shared)]);
        let are_at_rest = !found.iter().any(|found| found.must);
        let mut next: Vec<Next<What, (u32, u16)>> = vec![];
        for found in found {
            self.made.extend(found.made);
            let after = (self.number_side(found.side), self.number_shared(found.shared));
            match next.iter_mut().find(|known| known.after == after) {
                Some(known) => known.must |= found.must,
                None => next.push(Next { step: found.what, after, must: found.must }),
            }
        }
        let moves = Rc::new(Moves { next, are_at_rest });
        self.moves.insert((side, shared), Rc::clone(&moves));
        moves
    }

    fn wrong_with_coupon(&self, world: World) -> Option<&'static str> {
        let holds = |buyer| self.side(world, buyer).and_then(laws::holds_coupon) == Some(true);
        let held: u32 = [0, 1].map(|buyer| u32::from(holds(buyer))).iter().sum();
        match self.shared[usize::from(world.shared)].uses {
            uses if uses != held => Some("the coupon's uses are not what orders hold"),
            uses if uses > 1 => Some("the coupon is used more often than it may be"),
            _ => None,
        }
    }

    fn wrong_with_stock(&self, world: World) -> Option<&'static str> {
        let count = |state| -> i64 {
            let has = |buyer| self.side(world, buyer).is_some_and(|side| side.reservation.state == state);
            [0, 1].map(|buyer| i64::from(has(buyer))).iter().sum()
        };
        let (held, sold) = (count(ReservationState::Held), count(ReservationState::Committed));
        let stock = self.stock(world);
        match () {
            () if !stock.is_sound() => Some("the stock's numbers are not sound"),
            () if held + sold > 1 => Some("two orders have the one unit"),
            () if (stock.reserved, stock.on_hand) != (held, 1 - sold) => {
                Some("the stock is not what orders hold and have bought")
            }
            () => None,
        }
    }

    fn end(&self, world: World, buyer: usize) -> Option<End> {
        self.side(world, buyer).map(|side| {
            let payment = side.payment.as_ref().map_or("none", |payment| payment.status.name());
            [side.order.state.status().name(), inventory::name(side.reservation.state), payment]
        })
    }
}

impl Model for Shop {
    type State = World;
    type Step = Step;

    fn start(&self) -> World {
        World { shared: 0, sides: [0, 0] }
    }

    fn steps(&mut self, world: World, next: &mut Vec<Next<Step, World>>) {
        for buyer in 0..self.scope.buyers {
            // They are alike, so the first is the one who orders first.
            if buyer > 0 && world.sides[0] == 0 {
                continue;
            }
            next.extend(self.moves(world.sides[buyer], world.shared).next.iter().map(|Next { step, after, must }| {
                let (side, shared) = *after;
                let mut sides = world.sides;
                sides[buyer] = side;
                Next { step: Step { buyer, what: *step }, after: World { shared, sides }, must: *must }
            }));
        }
    }

    fn wrong(&mut self, world: World) -> Option<String> {
        let of_a_side = [0, 1].into_iter().find_map(|buyer| self.side(world, buyer)?.wrong.clone());
        let wrong = of_a_side
            .or_else(|| self.wrong_with_stock(world).or_else(|| self.wrong_with_coupon(world)).map(str::to_owned));
        if wrong.is_some() || !world.sides.into_iter().all(|side| self.moves(side, world.shared).are_at_rest) {
            return wrong;
        }
        self.rests += 1;
        self.ends.insert([0, 1].map(|buyer| self.end(world, buyer)));
        [0, 1].into_iter().find_map(|buyer| laws::wrong_at_rest(self.side(world, buyer)?))
    }
}
