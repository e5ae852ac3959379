//! A body as a tree of JSON values, and reading a type from it. Errors are found in the tree and not in the text: after
//! an error in a text the position of a reader is undefined, and its line and column cost a pass over the text each.

use std::{cell::RefCell, fmt};

use eserde::{EDeserialize, reporter::ErrorReporter};
use serde::{
    Deserialize,
    de::{
        self, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor,
        value::StrDeserializer,
    },
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

/// Where a value is in the body.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    Root,
    Field(&'a At<'a>, &'a str),
    Item(&'a At<'a>, usize),
}

impl At<'_> {
    /// As a JSON Pointer (RFC 6901).
    pub(super) fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Field(parent, name) => format!("{}/{}", parent.pointer(), escape(name)),
            Self::Item(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}

pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Parses a text. Returns the tree, and the pointers of fields that are given more than once, at most `max` of them.
pub(super) fn parse(text: &str, max: usize) -> serde_json::Result<(Value, Vec<String>)> {
    let repeated = RefCell::new(vec![]);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let tree = Tree { at: &At::Root, repeated: &repeated, max }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((tree, repeated.into_inner()))
}

/// Builds the tree; serde_json's own way does not tell of repeated fields.
#[derive(Clone, Copy)]
struct Tree<'a> {
    at: &'a At<'a>,
    repeated: &'a RefCell<Vec<String>>,
    max: usize,
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = vec![];
        while let Some(item) = items.next_element_seed(Tree { at: &At::Item(self.at, list.len()), ..self })? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let at = At::Field(self.at, &name);
            let value = fields.next_value_seed(Tree { at: &at, ..self })?;
            if object.contains_key(&name) && self.repeated.borrow().len() < self.max {
                self.repeated.borrow_mut().push(at.pointer());
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// What serde says is wrong with a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The value, or the object that holds the field which `message` is about.
    pub(super) pointer: String,
    pub(super) message: String,
}

/// Reads a type from a tree, or tells what is wrong with it: all errors, or the first `max` and a few more.
pub(super) fn read<B: for<'de> EDeserialize<'de>>(tree: &Value, max: usize) -> Result<B, Vec<Wrong>> {
    let first = match B::deserialize(Reader { value: tree, at: &At::Root, all: None }) {
        Ok(body) => return Ok(body),
        Err(error) => error,
    };
    let _guard = ErrorReporter::start_deserialization();
    let all = All { max, pointers: RefCell::default() };
    let reader = Reader { value: tree, at: &At::Root, all: Some(&all) };
    let _ = B::deserialize_for_errors(reader);
    all.told_at(&At::Root);
    let told = ErrorReporter::take_errors().into_iter().zip(all.pointers.into_inner());
    let mut errors: Vec<_> = told.map(|(error, pointer)| wrong(error.message(), pointer)).collect();
    if errors.is_empty() {
        errors.push(wrong(&first.to_string(), String::new()));
    }
    Err(errors)
}

fn wrong(text: &str, pointer: String) -> Wrong {
    match serde_json::from_str(text) {
        Ok((pointer, message)) => Wrong { pointer, message },
        Err(_) => Wrong { pointer, message: text.to_owned() },
    }
}

/// For a reader that goes on after an error. eserde collects what is told; this adds where.
struct All {
    max: usize,
    /// Of each error that eserde holds.
    pointers: RefCell<Vec<String>>,
}

impl All {
    /// All that was told since the last call is about the value here, or about a field of it that is missing.
    fn told_at(&self, at: &At<'_>) {
        let mut pointers = self.pointers.borrow_mut();
        while pointers.len() < ErrorReporter::n_errors() {
            pointers.push(at.pointer());
        }
    }

    fn are_enough(&self) -> bool {
        ErrorReporter::n_errors() >= self.max
    }
}

/// An error on its way to eserde, which keeps only its text. So the text holds the pointer too, as JSON.
#[derive(Debug)]
struct Error {
    pointer: Option<String>,
    message: String,
}

impl Error {
    /// The innermost reader that an error passes knows its place best.
    fn at(self, at: &At<'_>) -> Self {
        Self { pointer: self.pointer.or_else(|| Some(at.pointer())), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match &self.pointer {
            Some(pointer) => write!(formatter, "{}", serde_json::json!([pointer, self.message])),
            None => formatter.write_str(&self.message),
        }
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { pointer: None, message: message.to_string() }
    }
}

#[derive(Clone, Copy)]
struct Reader<'a, 'de> {
    value: &'de Value,
    at: &'a At<'a>,
    /// `None`: the first error ends the reading.
    all: Option<&'a All>,
}

impl<'de> Reader<'_, 'de> {
    fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => visitor.visit_u64(value),
                (None, Some(value)) => visitor.visit_i64(value),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(Items { of: self, left: items.iter(), index: 0 }),
            Value::Object(fields) => visitor.visit_map(Fields { of: self, left: fields.iter(), value: None }),
        }
    }

    fn inside<S: DeserializeSeed<'de>>(self, value: &'de Value, at: &At<'_>, seed: S) -> Result<S::Value, Error> {
        let result = seed.deserialize(Reader { value, at, all: self.all }).map_err(|error| error.at(at));
        if let Some(all) = self.all {
            all.told_at(at);
        }
        result
    }

    fn has_enough(self) -> bool {
        self.all.is_some_and(All::are_enough)
    }
}

impl<'de> Deserializer<'de> for Reader<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor).map_err(|error| error.at(self.at))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
            .map_err(|error: Error| error.at(self.at))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self).map_err(|error: Error| error.at(self.at))
    }

    /// serde would also take a list of the fields' values.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.value.is_array() {
            return Err(Error::invalid_type(Unexpected::Seq, &visitor).at(self.at));
        }
        self.deserialize_any(visitor)
    }

    /// An enum is the name of a variant, or has a field that names it, which comes as [`Self::deserialize_any`].
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let name = <&str>::deserialize(self)?;
        visitor.visit_enum(StrDeserializer::new(name)).map_err(|error: Error| error.at(self.at))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Items<'a, 'de> {
    of: Reader<'a, 'de>,
    left: std::slice::Iter<'de, Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.of.has_enough() {
            return Ok(None);
        }
        let Some(item) = self.left.next() else { return Ok(None) };
        let at = At::Item(self.of.at, self.index);
        self.index += 1;
        self.of.inside(item, &at, seed).map(Some)
    }
}

struct Fields<'a, 'de> {
    of: Reader<'a, 'de>,
    left: serde_json::map::Iter<'de>,
    /// Of the field whose name was read last.
    value: Option<(&'de str, &'de Value)>,
}

impl<'de> MapAccess<'de> for Fields<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let next = if self.of.has_enough() { None } else { self.left.next() };
        let Some((name, value)) = next else { return Ok(None) };
        self.value = Some((name, value));
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let (name, value) = self.value.take().ok_or_else(|| Error::custom("a value without a name"))?;
        self.of.inside(value, &At::Field(self.of.at, name), seed)
    }

    /// Steps over the fields that a struct does not have, so that the others are looked at too.
    fn next_key<K: Deserialize<'de>>(&mut self) -> Result<Option<K>, Error> {
        loop {
            match (self.next_key_seed(std::marker::PhantomData::<K>), self.of.all) {
                (Err(unknown), Some(all)) => {
                    ErrorReporter::report(unknown.at(self.of.at));
                    all.told_at(self.of.at);
                }
                (result, _) => return result,
            }
        }
    }
}
#[cfg(test)]
mod tests {
    use contracts::{carts::AddItem, products::CreateProduct};
    use serde_json::json;

    use super::*;

    fn pointers<B: for<'de> EDeserialize<'de>>(tree: &Value, max: usize) -> Vec<String> {
        let wrong = read::<B>(tree, max).err().unwrap_or_default();
        wrong.into_iter().map(|wrong| format!("{} {}", wrong.pointer, wrong.message)).collect()
    }

    #[test]
    fn every_error_has_its_place() {
        let tree = json!({ "variant_id": "x", "quantity": "2", "a/b~`, expected ": 1, "product_id": null });
        let fields = "expected one of `product_id`, `variant_id`, `quantity`";
        assert_eq!(
            pointers::<AddItem>(&tree, 100),
            [
                format!(" unknown field `a/b~`, expected `, {fields}"),
                "/product_id invalid type: unit value, expected a string".into(),
                "/quantity invalid type: string \"2\", expected u32".into(),
                "/variant_id expected an id that starts with `var_` and ends in a ULID".into(),
            ]
        );
        let variant = json!({ "sku": 1, "price": { "amount_minor": "1", "currency": "NGN" } });
        assert_eq!(
            pointers::<CreateProduct>(&json!({ "variants": [variant, {}] }), 100),
            [
                "/variants/0/price/amount_minor invalid type: string \"1\", expected i64",
                "/variants/0/sku invalid type: integer `1`, expected a string",
                "/variants/0 missing field `name`",
                "/variants/1 missing field `sku`",
                "/variants/1 missing field `name`",
                "/variants/1 missing field `price`",
                " missing field `name`",
            ]
        );
    }

    #[test]
    fn reading_ends_when_enough_is_wrong() {
        let tree = json!({ "name": "N", "tags": vec![1; 1_000], "x": 1 });
        assert_eq!(pointers::<CreateProduct>(&tree, 7).len(), 7);
        assert_eq!(pointers::<CreateProduct>(&tree, 2_000).len(), 1_001);
    }

    #[test]
    fn fields_given_twice_are_noticed() {
        let repeated = |text: &str, max| parse(text, max).unwrap().1;
        let text = r#"{"a": 1, "b": [{"c/d": 1, "c/d": 2}, {"c": 1}], "a": 2, "\u0061": 3}"#;
        assert_eq!(repeated(text, 9), ["/b/0/c~1d", "/a", "/a"]);
        assert_eq!(repeated(text, 1), ["/b/0/c~1d"]);
        assert_eq!(parse(text, 1).unwrap().0, serde_json::from_str::<Value>(text).unwrap());
    }
}
