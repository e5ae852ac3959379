//! Expressions: their text, parsed.

use std::sync::Arc;

use super::failure::Failure;

/// An expression with the placeholders in it.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    pub(super) tree: T,
    /// `#name`.
    pub(super) aliases: Vec<String>,
    /// `:name`.
    pub(super) values: Vec<String>,
}

/// The names from the item to the attribute; those with `#` are aliases.
pub(super) type Path = Vec<String>;

#[derive(Debug)]
pub(super) enum Operand {
    Path(Path),
    /// `:name`.
    Value(String),
}

#[derive(Debug)]
pub(super) enum Condition {
    Or(Box<Condition>, Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare(Operand, Comparison, Operand),
    Between(Operand, [Operand; 2]),
    In(Operand, Vec<Operand>),
    Exists(Path),
    BeginsWith(Operand, Operand),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// `SET` and `REMOVE`.
#[derive(Debug, Default)]
pub(super) struct Update {
    pub(super) set: Vec<(Path, Sum)>,
    pub(super) remove: Vec<Path>,
}

/// One term, or two that are added (or subtracted, if the flag is set).
#[derive(Debug)]
pub(super) struct Sum(pub(super) Term, pub(super) Option<(bool, Term)>);

#[derive(Debug)]
pub(super) enum Term {
    Operand(Operand),
    IfNotExists(Path, Operand),
}

/// An expression that can be parsed.
pub(super) trait Parse: Sized {
    fn parse(parser: &mut Parser<'_>) -> Result<Self, Failure>;
}

/// Parses the whole of a text.
pub(super) fn parse<T: Parse>(text: &str) -> Result<Arc<Parsed<T>>, Failure> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, aliases: vec![], values: vec![] };
    let tree = T::parse(&mut parser)?;
    match parser.tokens.get(parser.at) {
        None => Ok(Arc::new(Parsed { tree, aliases: parser.aliases, values: parser.values })),
        Some(token) => Err(syntax(&format!("{token:?} is not expected"))),
    }
}

fn syntax(detail: &str) -> Failure {
    Failure::invalid(format!("Invalid expression: Syntax error; {detail}"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    Alias(&'t str),
    Value(&'t str),
    Sign(&'t str),
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, Failure> {
    const SIGNS: [&str; 12] = ["<>", "<=", ">=", "<", ">", "=", "(", ")", "+", "-", ",", "."];
    let mut tokens = vec![];
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = rest.strip_prefix(['#', ':']).unwrap_or(rest);
        let length = rest.len() - name.trim_start_matches(is_word).len();
        let (token, length) = match first {
            '#' if length > 1 => (Token::Alias(&rest[..length]), length),
            ':' if length > 1 => (Token::Value(&rest[..length]), length),
            c if is_word(c) => (Token::Word(&rest[..length]), length),
            _ => {
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
                let sign = sign.ok_or_else(|| syntax(&format!("{first:?} is not expected")))?;
                (Token::Sign(sign), sign.len())
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// Reads tokens one after the other.
pub(super) struct Parser<'t> {
    tokens: Vec<Token<'t>>,
    at: usize,
    aliases: Vec<String>,
    values: Vec<String>,
}

impl<'t> Parser<'t> {
    fn next(&mut self) -> Option<Token<'t>> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token
    }

    fn takes(&mut self, wanted: impl Fn(Token<'t>) -> bool) -> bool {
        let is_next = self.tokens.get(self.at).is_some_and(|token| wanted(*token));
        self.at += usize::from(is_next);
        is_next
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        self.takes(|token| token == Token::Sign(sign))
    }

    /// Keywords have no case.
    fn takes_word(&mut self, word: &str) -> bool {
        self.takes(|token| matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word)))
    }

    fn expect(&mut self, sign: &str) -> Result<(), Failure> {
        if self.takes_sign(sign) { Ok(()) } else { Err(syntax(&format!("{sign:?} is expected"))) }
    }

    /// Whether a function's name and its parenthesis follow; both are taken.
    fn takes_function(&mut self, name: &str) -> bool {
        let is_next = self.tokens.get(self.at) == Some(&Token::Word(name))
            && self.tokens.get(self.at + 1) == Some(&Token::Sign("("));
        self.at += 2 * usize::from(is_next);
        is_next
    }

    fn path(&mut self) -> Result<Path, Failure> {
        let mut path = vec![];
        loop {
            match self.next() {
                Some(Token::Word(name)) => path.push(name.to_owned()),
                Some(Token::Alias(alias)) => {
                    path.push(alias.to_owned());
                    self.aliases.push(alias.to_owned());
                }
                other => return Err(syntax(&format!("an attribute is expected, not {other:?}"))),
            }
            if !self.takes_sign(".") {
                return Ok(path);
            }
        }
    }

    fn operand(&mut self) -> Result<Operand, Failure> {
        if let Some(Token::Value(name)) = self.tokens.get(self.at) {
            self.at += 1;
            self.values.push((*name).to_owned());
            return Ok(Operand::Value((*name).to_owned()));
        }
        self.path().map(Operand::Path)
    }

    fn and(&mut self) -> Result<Condition, Failure> {
        let mut condition = self.not()?;
        while self.takes_word("AND") {
            condition = Condition::And(condition.into(), self.not()?.into());
        }
        Ok(condition)
    }

    fn not(&mut self) -> Result<Condition, Failure> {
        if self.takes_word("NOT") { Ok(Condition::Not(self.not()?.into())) } else { self.primary() }
    }

    fn primary(&mut self) -> Result<Condition, Failure> {
        if self.takes_sign("(") {
            let condition = Condition::parse(self)?;
            self.expect(")")?;
            return Ok(condition);
        }
        for is_there in [true, false] {
            if self.takes_function(if is_there { "attribute_exists" } else { "attribute_not_exists" }) {
                let exists = Condition::Exists(self.path()?);
                self.expect(")")?;
                return Ok(if is_there { exists } else { Condition::Not(exists.into()) });
            }
        }
        if self.takes_function("begins_with") {
            let operand = self.operand()?;
            self.expect(",")?;
            let prefix = self.operand()?;
            self.expect(")")?;
            return Ok(Condition::BeginsWith(operand, prefix));
        }
        let operand = self.operand()?;
        if self.takes_word("BETWEEN") {
            let from = self.operand()?;
            if !self.takes_word("AND") {
                return Err(syntax("BETWEEN without AND"));
            }
            return Ok(Condition::Between(operand, [from, self.operand()?]));
        }
        if self.takes_word("IN") {
            self.expect("(")?;
            let mut list = vec![self.operand()?];
            while self.takes_sign(",") {
                list.push(self.operand()?);
            }
            self.expect(")")?;
            return Ok(Condition::In(operand, list));
        }
        let comparison = match self.next() {
            Some(Token::Sign("=")) => Comparison::Equal,
            Some(Token::Sign("<>")) => Comparison::NotEqual,
            Some(Token::Sign("<")) => Comparison::Less,
            Some(Token::Sign("<=")) => Comparison::LessOrEqual,
            Some(Token::Sign(">")) => Comparison::Greater,
            Some(Token::Sign(">=")) => Comparison::GreaterOrEqual,
            other => return Err(syntax(&format!("a comparison is expected, not {other:?}"))),
        };
        Ok(Condition::Compare(operand, comparison, self.operand()?))
    }

    fn term(&mut self) -> Result<Term, Failure> {
        if !self.takes_function("if_not_exists") {
            return self.operand().map(Term::Operand);
        }
        let path = self.path()?;
        self.expect(",")?;
        let operand = self.operand()?;
        self.expect(")")?;
        Ok(Term::IfNotExists(path, operand))
    }

    fn assignment(&mut self) -> Result<(Path, Sum), Failure> {
        let path = self.path()?;
        self.expect("=")?;
        let first = self.term()?;
        let second = if self.takes_sign("+") {
            Some((false, self.term()?))
        } else if self.takes_sign("-") {
            Some((true, self.term()?))
        } else {
            None
        };
        Ok((path, Sum(first, second)))
    }
}

impl Parse for Condition {
    fn parse(parser: &mut Parser<'_>) -> Result<Self, Failure> {
        let mut condition = parser.and()?;
        while parser.takes_word("OR") {
            condition = Self::Or(condition.into(), parser.and()?.into());
        }
        Ok(condition)
    }
}

impl Parse for Update {
    fn parse(parser: &mut Parser<'_>) -> Result<Self, Failure> {
        let mut update = Self::default();
        loop {
            if update.set.is_empty() && parser.takes_word("SET") {
                update.set.push(parser.assignment()?);
                while parser.takes_sign(",") {
                    update.set.push(parser.assignment()?);
                }
            } else if update.remove.is_empty() && parser.takes_word("REMOVE") {
                update.remove.push(parser.path()?);
                while parser.takes_sign(",") {
                    update.remove.push(parser.path()?);
                }
            } else if update.set.is_empty() && update.remove.is_empty() {
                return Err(syntax("SET or REMOVE is expected"));
            } else {
                return Ok(update);
            }
        }
    }
}
