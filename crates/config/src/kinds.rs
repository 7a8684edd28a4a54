//! What a key may hold: each kind reads its value and says in words what it allows.

use crate::error::quoted;
use crate::sink::{Located, Sink, Spot};
use crate::table::Section;
use crate::units;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use toml::de::DeValue;

/// What can be said of a kind without reading anything.
pub(crate) trait Words {
    /// What is allowed, as part of a sentence.
    fn words(&self) -> String;

    /// The section that a table of this kind is.
    fn nested(&self) -> Option<&'static Section> {
        None
    }
}

/// A kind of value.
pub(crate) trait Kind: Words {
    /// What it is read as.
    type Value;

    /// The value, or `None` after saying what is wrong with it.
    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<Self::Value>;
}

/// A value as it is named in errors: its type and its text.
pub(crate) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => format!("the integer {}", quoted(number.as_str())),
        DeValue::Float(number) => format!("the number {}", quoted(number.as_str())),
        DeValue::Boolean(flag) => format!("`{flag}`"),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// Says that a value is not of its kind.
pub(crate) fn refuse(kind: &impl Words, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) {
    refuse_as(&kind.words(), value, spot, sink);
}

fn refuse_as(words: &str, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) {
    let name = last_name(spot);
    sink.wrong(spot, format!("`{name}` cannot be {}", describe(value)), words.to_owned());
}

/// The last key of a path, with the index of an element.
pub(crate) fn last_name(spot: &Spot) -> &str {
    spot.path.rsplit('.').next().unwrap_or_default()
}

/// The text of a string value, or an error.
pub(crate) fn text<'v>(
    kind: &impl Words,
    value: &'v DeValue<'_>,
    spot: &Spot,
    sink: &mut Sink<'_>,
) -> Option<&'v str> {
    let DeValue::String(text) = value else {
        refuse(kind, value, spot, sink);
        return None;
    };
    Some(text)
}

fn integer(value: &DeValue<'_>) -> Option<u64> {
    let DeValue::Integer(number) = value else { return None };
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// `true` or `false`.
pub(crate) struct Flag;

impl Words for Flag {
    fn words(&self) -> String {
        "`true` or `false`".to_owned()
    }
}

impl Kind for Flag {
    type Value = bool;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<bool> {
        if let DeValue::Boolean(flag) = value {
            return Some(*flag);
        }
        refuse(self, value, spot, sink);
        None
    }
}

/// One of several words.
pub(crate) struct Choice<T: 'static> {
    /// The words and what they mean.
    pub(crate) options: &'static [(&'static str, T)],
}

impl<T> Words for Choice<T> {
    fn words(&self) -> String {
        let words: Vec<_> = self.options.iter().map(|(word, _)| format!("`\"{word}\"`")).collect();
        words.join(", ")
    }
}

impl<T: Copy> Kind for Choice<T> {
    type Value = T;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<T> {
        let text = text(self, value, spot, sink)?;
        let found = self.options.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            refuse(self, value, spot, sink);
        }
        found.map(|(_, meaning)| *meaning)
    }
}

/// A time within bounds.
pub(crate) struct Span {
    /// The shortest, in milliseconds.
    pub(crate) millis_min: u64,
    /// The longest, in milliseconds.
    pub(crate) millis_max: u64,
}

impl Words for Span {
    fn words(&self) -> String {
        let show = |millis| units::show_duration(Duration::from_millis(millis));
        let (min, max) = (show(self.millis_min), show(self.millis_max));
        format!("a time from `\"{min}\"` to `\"{max}\"`, in `ms`, `s`, `m`, `h` or `d`")
    }
}

impl Kind for Span {
    type Value = Duration;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<Duration> {
        let time = units::duration(text(self, value, spot, sink)?).filter(|time| {
            (self.millis_min.into()..=self.millis_max.into()).contains(&time.as_millis())
        });
        if time.is_none() {
            refuse(self, value, spot, sink);
        }
        time
    }
}

/// A number of bytes within bounds.
pub(crate) struct Size {
    pub(crate) min: u64,
    pub(crate) max: u64,
}

impl Words for Size {
    fn words(&self) -> String {
        let (min, max) = (units::show_size(self.min), units::show_size(self.max));
        format!(
            "a size from `\"{min}\"` to `\"{max}\"`, in `B`, `KiB`, `MiB`, `GiB` or `TiB`, or an integer of bytes"
        )
    }
}

impl Kind for Size {
    type Value = u64;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<u64> {
        let written = if let DeValue::String(text) = value { units::size(text) } else { None };
        let bytes = written.or_else(|| integer(value));
        let bytes = bytes.filter(|bytes| (self.min..=self.max).contains(bytes));
        if bytes.is_none() {
            refuse(self, value, spot, sink);
        }
        bytes
    }
}

/// A whole number within bounds.
pub(crate) struct Count {
    pub(crate) min: u32,
    pub(crate) max: u32,
}

impl Words for Count {
    fn words(&self) -> String {
        format!("a whole number from `{}` to `{}`", self.min, self.max)
    }
}

impl Kind for Count {
    type Value = u32;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<u32> {
        let count = integer(value).and_then(|count| u32::try_from(count).ok());
        let count = count.filter(|count| (self.min..=self.max).contains(count));
        if count.is_none() {
            refuse(self, value, spot, sink);
        }
        count
    }
}

/// A path from the root of the machine.
pub(crate) struct AbsolutePath;

impl Words for AbsolutePath {
    fn words(&self) -> String {
        "an absolute path, such as `\"/srv/www\"`".to_owned()
    }
}

impl Kind for AbsolutePath {
    type Value = PathBuf;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<PathBuf> {
        let text = text(self, value, spot, sink)?;
        if text.starts_with('/')
            && !text.contains('\0')
            && !text.split('/').any(|part| part == "..")
        {
            return Some(PathBuf::from(text));
        }
        refuse(self, value, spot, sink);
        None
    }
}

/// An address with a port.
pub(crate) struct Address;

impl Words for Address {
    fn words(&self) -> String {
        "an address with a port, such as `\"0.0.0.0:443\"` or `\"[::]:443\"`".to_owned()
    }
}

impl Kind for Address {
    type Value = SocketAddr;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<SocketAddr> {
        let address = text(self, value, spot, sink)?.parse().ok();
        if address.is_none() {
            refuse(self, value, spot, sink);
        }
        address
    }
}

/// A list of values of one kind, each of which keeps its place.
pub(crate) struct List<K> {
    pub(crate) of: K,
    pub(crate) min: usize,
    pub(crate) max: usize,
}

impl<K: Words> Words for List<K> {
    fn words(&self) -> String {
        let (min, max) = (self.min, self.max);
        format!("a list `[…]` of {min} to {max} values, each {}", self.of.words())
    }
}

impl<K: Kind> Kind for List<K> {
    type Value = Vec<Located<K::Value>>;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<Self::Value> {
        let DeValue::Array(array) = value else {
            refuse(self, value, spot, sink);
            return None;
        };
        if array.len() < self.min || array.len() > self.max {
            let message = format!("`{}` has {} values", last_name(spot), array.len());
            sink.wrong(spot, message, self.words());
            return None;
        }
        let mut values = Vec::new();
        for (index, element) in array.iter().enumerate() {
            let spot = spot.element(index, element.span());
            if let Some(value) = self.of.read(element.get_ref(), &spot, sink) {
                values.push(Located { value, spot });
            }
        }
        Some(values)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use toml::de::DeTable;

    /// Reads one value as a kind; the error is what was said of it.
    pub(crate) fn read<K: Kind>(kind: &K, value: &str) -> Result<K::Value, String> {
        let text = format!("x = {value}\n");
        let mut sink = Sink::new(&text);
        let table = DeTable::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let (_, value) = table.get_ref().iter().next().unwrap();
        let spot = Spot::default().key("x", value.span());
        let read = kind.read(value.get_ref(), &spot, &mut sink);
        let said = sink.into_errors();
        match (read, said) {
            (Some(value), None) => Ok(value),
            (_, Some(errors)) => Err(errors.errors[0].message.clone()),
            (None, None) => panic!("{text} was refused without a word"),
        }
    }

    fn check<K: Kind>(kind: &K, good: &[&str], bad: &[&str])
    where
        K::Value: std::fmt::Debug,
    {
        for value in good {
            read(kind, value).unwrap_or_else(|said| panic!("{value}: {said}"));
        }
        for value in bad {
            let said = read(kind, value).expect_err(value);
            assert!(said.contains('`'), "{value}: {said}");
        }
    }

    /// Of every type one, so that no kind takes another's.
    const OTHERS: [&str; 3] = ["1979-05-27", "1.5", "{ a = 1 }"];

    #[test]
    fn no_kind_takes_a_value_of_another() {
        for value in OTHERS {
            assert!(read(&Flag, value).is_err());
            assert!(read(&Choice { options: &[("a", 1)] }, value).is_err());
            assert!(read(&Span { millis_min: 0, millis_max: 100_000 }, value).is_err());
            assert!(read(&Size { min: 0, max: 100 }, value).is_err());
            assert!(read(&Count { min: 0, max: 100 }, value).is_err());
            assert!(read(&AbsolutePath, value).is_err());
            assert!(read(&Address, value).is_err());
            assert!(read(&List { of: Flag, min: 0, max: 9 }, value).is_err());
        }
    }

    #[test]
    fn flags_and_choices_are_exact() {
        check(&Flag, &["true", "false"], &["\"true\"", "1", "[true]"]);
        check(
            &Choice { options: &[("on", 1), ("off", 2)] },
            &["\"on\""],
            &["\"On\"", "\"\"", "true"],
        );
        assert_eq!(read(&Choice { options: &[("on", 1), ("off", 2)] }, "\"off\""), Ok(2));
    }

    #[test]
    fn bounds_are_inclusive() {
        let span = Span { millis_min: 100, millis_max: 60_000 };
        check(
            &span,
            &["\"100ms\"", "\"60s\"", "\"1m\""],
            &["\"99ms\"", "\"60001ms\"", "\"0s\"", "100"],
        );
        let size = Size { min: 10, max: 2_048 };
        check(
            &size,
            &["10", "\"10B\"", "2048", "\"2KiB\"", "0x10", "1_000"],
            &["9", "2049", "\"3KiB\"", "\"10\"", "-10", "99999999999999999999"],
        );
        let count = Count { min: 1, max: 5 };
        check(&count, &["1", "5", "0b101", "0o5"], &["0", "6", "-1", "\"1\"", "4294967297"]);
    }

    #[test]
    fn paths_begin_at_the_root() {
        check(
            &AbsolutePath,
            &["\"/\"", "\"/srv/www\"", "\"/etc/crs/*.conf\"", "\"/a..b\""],
            &[
                "\"\"",
                "\"srv\"",
                "\"./srv\"",
                "\"~/srv\"",
                "\"/srv/../etc\"",
                "\"/a\\u0000b\"",
                "7",
            ],
        );
    }

    #[test]
    fn addresses_have_a_port() {
        check(
            &Address,
            &["\"0.0.0.0:443\"", "\"[::]:443\"", "\"127.0.0.1:0\""],
            &[
                "\"0.0.0.0\"",
                "\":443\"",
                "\"::1:443\"",
                "\"localhost:80\"",
                "\"1.2.3.4:65536\"",
                "443",
            ],
        );
    }

    #[test]
    fn lists_keep_the_place_of_each_value() {
        let list = List { of: Flag, min: 1, max: 3 };
        check(
            &list,
            &["[true]", "[true, false, true]"],
            &["[]", "[true, true, true, true]", "true"],
        );
        let values = read(&list, "[true, false]").unwrap();
        let found: Vec<_> =
            values.iter().map(|value| (value.value, value.spot.path.as_str())).collect();
        assert_eq!(found, [(true, "x[0]"), (false, "x[1]")]);
        assert_eq!(values[1].spot.span, 11..16);
        assert_eq!(read(&list, "[true, 5]").unwrap_err(), "`x[1]` cannot be the integer `5`");
    }

    #[test]
    fn errors_name_the_value_found() {
        for (value, said) in [
            ("\"yes\"", "`x` cannot be `yes`"),
            ("5", "`x` cannot be the integer `5`"),
            ("5.5", "`x` cannot be the number `5.5`"),
            ("1979-05-27", "`x` cannot be a date or time"),
            ("[]", "`x` cannot be a list"),
            ("{}", "`x` cannot be a table"),
        ] {
            assert_eq!(read(&Flag, value).unwrap_err(), said);
        }
        assert_eq!(read(&Count { min: 0, max: 1 }, "true").unwrap_err(), "`x` cannot be `true`");
    }
}
