//! What expressions say of an item, and make of it.

use std::{borrow::Cow, cell::OnceCell, cmp::Ordering};

use super::{
    expression::{Comparison, Condition, Operand, Parsed, Path, Sum, Term, Update},
    failure::Failure,
    key::Key,
    number,
    sql::Stored,
    value::{Item, Map, Text, Value},
};

/// What a request gives for the placeholders of its expressions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'r> {
    names: Option<&'r Map<'r, Text<'r>>>,
    values: Option<&'r Item<'r>>,
}

impl<'r> Given<'r> {
    /// # Errors
    /// [`Failure::Invalid`] if a placeholder of the expressions is not given, or a given one is in none of them.
    pub(super) fn new(
        names: Option<&'r Map<'r, Text<'r>>>,
        values: Option<&'r Item<'r>>,
        (aliases_used, values_used): (&[&[String]], &[&[String]]),
    ) -> Result<Self, Failure> {
        check("Names", &names.map(Map::names).unwrap_or_default(), aliases_used)?;
        check("Values", &values.map(Map::names).unwrap_or_default(), values_used)?;
        Ok(Self { names, values })
    }

    fn name<'p>(&self, part: &'p str) -> &'p str
    where
        'r: 'p,
    {
        self.names.filter(|_| part.starts_with('#')).and_then(|names| names.get(part)).map_or(part, |name| &name.0)
    }

    pub(super) fn path<'p>(&self, path: &'p Path) -> Vec<&'p str>
    where
        'r: 'p,
    {
        path.iter().map(|part| self.name(part)).collect()
    }

    pub(super) fn value(&self, name: &str) -> Option<&'r Value<'r>> {
        self.values.and_then(|values| values.get(name))
    }
}

fn check(kind: &str, given: &[&str], used: &[&[String]]) -> Result<(), Failure> {
    let is_used = |name: &str| used.iter().any(|names| names.iter().any(|used| used == name));
    if let Some(unused) = given.iter().find(|name| !is_used(name)) {
        let message = format!("Value provided in ExpressionAttribute{kind} unused in expressions: keys: {{{unused}}}");
        return Err(Failure::invalid(message));
    }
    match used.iter().flat_map(|names| names.iter()).find(|name| !given.contains(&name.as_str())) {
        None => Ok(()),
        Some(missing) => Err(Failure::invalid(format!(
            "An expression uses {missing}, which is not defined in ExpressionAttribute{kind}"
        ))),
    }
}

/// What is stored under a key. Its JSON is only parsed when an attribute of it is asked for.
#[derive(Debug)]
pub(super) struct Old<'r> {
    key: &'r Key<'r>,
    stored: Option<&'r Stored>,
    item: OnceCell<Item<'r>>,
}

impl<'r> Old<'r> {
    pub(super) fn new(key: &'r Key<'r>, stored: Option<&'r Stored>) -> Self {
        Self { key, stored, item: OnceCell::new() }
    }

    /// The whole item, if there is one.
    pub(super) fn item(&self) -> Result<Option<&Item<'r>>, Failure> {
        let Some(stored) = self.stored else { return Ok(None) };
        if let Some(item) = self.item.get() {
            return Ok(Some(item));
        }
        let item = serde_json::from_str(&stored.json).map_err(Failure::Corrupt)?;
        Ok(Some(self.item.get_or_init(|| item)))
    }

    fn get(&self, path: &[&str]) -> Result<Option<Cow<'_, Value<'_>>>, Failure> {
        let Some(stored) = self.stored else { return Ok(None) };
        match (path, stored.version) {
            (["pk"], _) => return Ok(Some(Cow::Owned(Value::S(Cow::Borrowed(&self.key.pk))))),
            (["sk"], _) => return Ok(Some(Cow::Owned(Value::S(Cow::Borrowed(&self.key.sk))))),
            (["version"], Some(version)) => return Ok(Some(Cow::Owned(Value::N(Cow::Owned(version.to_string()))))),
            _ => {}
        }
        let Some((first, rest)) = path.split_first() else { return Ok(None) };
        let mut found = self.item()?.and_then(|item| item.get(first));
        for name in rest {
            found = match found {
                Some(Value::M(map)) => map.get(name),
                _ => None,
            };
        }
        Ok(found.map(Cow::Borrowed))
    }
}

/// Expressions over what is stored.
#[derive(Debug)]
pub(super) struct Evaluation<'e, 'r> {
    pub(super) given: Given<'r>,
    pub(super) old: &'e Old<'r>,
}

impl<'e> Evaluation<'e, '_> {
    /// Whether a condition holds.
    pub(super) fn holds(&self, condition: &'e Condition) -> Result<bool, Failure> {
        Ok(match condition {
            Condition::Or(left, right) => self.holds(left)? || self.holds(right)?,
            Condition::And(left, right) => self.holds(left)? && self.holds(right)?,
            Condition::Not(condition) => !self.holds(condition)?,
            Condition::Exists(path) => self.old.get(&self.given.path(path))?.is_some(),
            Condition::Compare(left, comparison, right) => self.compares(left, *comparison, right)?,
            Condition::Between(operand, [from, to]) => {
                self.compares(operand, Comparison::GreaterOrEqual, from)?
                    && self.compares(operand, Comparison::LessOrEqual, to)?
            }
            Condition::In(operand, list) => {
                for candidate in list {
                    if self.compares(operand, Comparison::Equal, candidate)? {
                        return Ok(true);
                    }
                }
                false
            }
            Condition::BeginsWith(operand, prefix) => match (self.operand(operand)?, self.operand(prefix)?) {
                (Some(value), Some(prefix)) => match (value.as_ref(), prefix.as_ref()) {
                    (Value::S(text), Value::S(prefix)) => text.starts_with(prefix.as_ref()),
                    _ => false,
                },
                _ => false,
            },
        })
    }

    fn compares(&self, left: &'e Operand, comparison: Comparison, right: &'e Operand) -> Result<bool, Failure> {
        let (Some(left), Some(right)) = (self.operand(left)?, self.operand(right)?) else {
            // What is not there is unequal to everything.
            return Ok(comparison == Comparison::NotEqual);
        };
        let is_equal = left == right;
        let order = match (left.as_ref(), right.as_ref()) {
            _ if matches!(comparison, Comparison::Equal | Comparison::NotEqual) => None,
            (Value::N(left), Value::N(right)) => Some(number::compare(left, right).map_err(Failure::invalid)?),
            (Value::S(left), Value::S(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
            _ => None,
        };
        Ok(match comparison {
            Comparison::Equal => is_equal,
            Comparison::NotEqual => !is_equal,
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        })
    }

    fn operand(&self, operand: &'e Operand) -> Result<Option<Cow<'_, Value<'_>>>, Failure> {
        match operand {
            Operand::Value(name) => Ok(self.given.value(name).map(Cow::Borrowed)),
            Operand::Path(path) => self.old.get(&self.given.path(path)),
        }
    }

    /// The item that an update makes of what is stored. Without an item it makes one with the key.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if an attribute that the update needs is not there, or not of the type that it needs.
    pub(super) fn updated(&self, update: &'e Update) -> Result<Item<'_>, Failure> {
        let mut item: Item<'_> = match self.old.item()? {
            Some(item) => item.clone(),
            None => self.old.key.item(),
        };
        // All terms are of the item as it was.
        for (path, sum) in &update.set {
            let value = self.sum(sum)?;
            let (parent, name) = place(&mut item, self.given.path(path))?;
            parent.set(Cow::Owned(name.to_owned()), value);
        }
        for path in &update.remove {
            let (parent, name) = place(&mut item, self.given.path(path))?;
            parent.remove(name);
        }
        Ok(item)
    }

    fn sum(&self, Sum(first, second): &'e Sum) -> Result<Value<'_>, Failure> {
        let first = self.term(first)?;
        let Some((is_minus, second)) = second else { return Ok(first.into_owned()) };
        match (first.as_ref(), self.term(second)?.as_ref()) {
            (Value::N(left), Value::N(right)) => {
                let sum = number::sum(left, right, *is_minus).map_err(Failure::invalid)?;
                Ok(Value::N(Cow::Owned(sum)))
            }
            _ => Err(Failure::invalid("An operand in the update expression has an incorrect data type")),
        }
    }

    fn term(&self, term: &'e Term) -> Result<Cow<'_, Value<'_>>, Failure> {
        let found = match term {
            Term::Operand(operand) => self.operand(operand)?,
            Term::IfNotExists(path, default) => match self.old.get(&self.given.path(path))? {
                Some(value) => Some(value),
                None => self.operand(default)?,
            },
        };
        found.ok_or_else(|| {
            Failure::invalid("The provided expression refers to an attribute that does not exist in the item")
        })
    }
}

/// The map in which an attribute is or would be, and its name there.
fn place<'m, 'v, 'n>(item: &'m mut Item<'v>, path: Vec<&'n str>) -> Result<(&'m mut Item<'v>, &'n str), Failure> {
    let invalid = || Failure::invalid("The document path provided in the update expression is invalid for update");
    let (name, parents) = path.split_last().ok_or_else(invalid)?;
    let mut map = item;
    for parent in parents {
        map = match map.get_mut(parent) {
            Some(Value::M(inner)) => inner,
            _ => return Err(invalid()),
        };
    }
    Ok((map, name))
}

/// An update may change an attribute once, and no key.
///
/// # Errors
/// [`Failure::Invalid`]
pub(super) fn check_paths(update: &Parsed<Update>, given: Given<'_>) -> Result<(), Failure> {
    let update = &update.tree;
    let paths: Vec<_> = update.set.iter().map(|(path, _)| path).chain(&update.remove).collect();
    let paths: Vec<_> = paths.into_iter().map(|path| given.path(path)).collect();
    for (index, path) in paths.iter().enumerate() {
        if let Some(name @ ("pk" | "sk")) = path.first().copied() {
            let message = format!("Cannot update attribute {name}. This attribute is part of the key");
            return Err(Failure::invalid(message));
        }
        if paths[..index].iter().any(|other| other.iter().zip(path).all(|(one, two)| one == two)) {
            return Err(Failure::invalid("Two document paths overlap with each other"));
        }
    }
    Ok(())
}
