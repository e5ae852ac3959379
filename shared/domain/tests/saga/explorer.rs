//! Breadth first through everything that can happen, each state once. So the first thing found wrong is found at the
//! end of a shortest way to it.

use std::{collections::HashMap, hash::Hash};

pub(crate) trait Model {
    type State: Copy + Eq + Hash;
    type Step;

    fn start(&self) -> Self::State;
    /// Appends everything that can happen in a state.
    fn steps(&mut self, state: Self::State, next: &mut Vec<Next<Self::Step, Self::State>>);
    /// What is wrong with a state.
    fn wrong(&mut self, state: Self::State) -> Option<String>;
}

pub(crate) struct Next<Step, State> {
    pub(crate) step: Step,
    pub(crate) after: State,
    /// It happens by itself, sooner or later, if nothing else does.
    pub(crate) must: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Explored {
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    /// Steps to the state that is farthest from the start.
    pub(crate) depth: usize,
}

/// How to come to a state in which something is wrong.
pub(crate) struct Violation<M: Model> {
    pub(crate) what: String,
    pub(crate) path: Vec<(M::Step, M::State)>,
}

/// States in the order in which they are found, each with the place of the one it was found from.
struct Found<S> {
    states: Vec<(S, u32)>,
    places: HashMap<S, u32>,
}

impl<S: Copy + Eq + Hash> Found<S> {
    fn place(&mut self, state: S, from: u32) -> u32 {
        let Self { states, places } = self;
        *places.entry(state).or_insert_with(|| {
            states.push((state, from));
            u32::try_from(states.len() - 1).expect("fewer than 2^32 states")
        })
    }
}

/// Visits every reachable state.
pub(crate) fn explore<M: Model>(model: &mut M) -> Result<Explored, Violation<M>> {
    let mut found = Found { states: vec![], places: HashMap::new() };
    found.place(model.start(), 0);
    let (mut explored, mut musts, mut next) = (Explored::default(), vec![], vec![]);
    let (mut place, mut level_ends) = (0, 1);
    while let Some((state, _)) = found.states.get(place as usize).copied() {
        if place as usize == level_ends {
            (explored.depth, level_ends) = (explored.depth + 1, found.states.len());
        }
        if let Some(what) = model.wrong(state) {
            return Err(Violation { what, path: path(model, &found.states, place) });
        }
        model.steps(state, &mut next);
        explored.transitions += next.len();
        for Next { after, must, .. } in next.drain(..) {
            let to = found.place(after, place);
            if must {
                musts.push((place, to));
            }
        }
        place += 1;
    }
    explored.states = found.states.len();
    match on_a_circle(explored.states, &musts) {
        None => Ok(explored),
        Some(place) => {
            Err(Violation { what: "this can go round for ever".into(), path: path(model, &found.states, place) })
        }
    }
}

/// The steps are not kept while exploring, but found again.
fn path<M: Model>(model: &mut M, states: &[(M::State, u32)], mut place: u32) -> Vec<(M::Step, M::State)> {
    let mut path = vec![];
    while place > 0 {
        let (state, from) = states[place as usize];
        let mut next = vec![];
        model.steps(states[from as usize].0, &mut next);
        path.extend(next.into_iter().find(|next| next.after == state).map(|next| (next.step, next.after)));
        place = from;
    }
    path.reverse();
    path
}

/// Takes away, again and again, what nothing leads to. What is left, if anything, is or follows a circle. `edges` are
/// sorted.
fn on_a_circle(states: usize, edges: &[(u32, u32)]) -> Option<u32> {
    let mut leading_to = vec![0_u32; states];
    for (_, to) in edges {
        leading_to[*to as usize] += 1;
    }
    let all = 0..u32::try_from(states).expect("fewer than 2^32 states");
    let mut free: Vec<u32> = all.clone().filter(|place| leading_to[*place as usize] == 0).collect();
    while let Some(place) = free.pop() {
        let first = edges.partition_point(|(from, _)| *from < place);
        for (_, to) in edges[first..].iter().take_while(|(from, _)| *from == place) {
            leading_to[*to as usize] -= 1;
            if leading_to[*to as usize] == 0 {
                free.push(*to);
            }
        }
    }
    all.into_iter().find(|place| leading_to[*place as usize] > 0)
}

#[test]
fn a_circle_is_found_and_a_diamond_is_none() {
    assert_eq!(on_a_circle(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]), None);
    assert_eq!(on_a_circle(4, &[(0, 1), (1, 2), (2, 1), (2, 3)]), Some(1));
}
