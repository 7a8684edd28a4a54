//! The first message of a FIX session (FIX 4.0 to 5.0 SP2, FIXT 1.1): it must be a whole, valid Logon.
//!
//! Bounded; linear; takes no field twice: two readers would take different ones.

/// Longest Logon.
pub(super) const LOGON_BYTES_MAX: usize = 8 * 1024;
const END_OF_FIELD: u8 = 1;

/// What the first bytes of a connection are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// More must come.
    Partial,
    /// No Logon; why.
    Wrong(&'static str),
    /// A Logon.
    Logon(Logon),
}

/// Who wants to begin a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Logon {
    pub(super) sender: Vec<u8>,
    pub(super) target: Vec<u8>,
}

/// Reads what has come so far.
pub(super) fn parse(bytes: &[u8]) -> Read {
    match message(bytes) {
        Ok(Some(body)) => logon(body).map_or_else(Read::Wrong, Read::Logon),
        Ok(None) if bytes.len() < LOGON_BYTES_MAX => Read::Partial,
        Ok(None) => Read::Wrong("fix message too long"),
        Err(why) => Read::Wrong(why),
    }
}

/// The fields between body length and check sum of the first message, once it is whole.
fn message(bytes: &[u8]) -> Result<Option<&[u8]>, &'static str> {
    let Some((begin, rest)) = field(bytes, b"8=")? else { return Ok(None) };
    if !begin.starts_with(b"FIX") || begin.len() > 8 {
        return Err("no fix message");
    }
    let Some((length, rest)) = field(rest, b"9=")? else { return Ok(None) };
    let digits = !length.is_empty() && length.len() <= 4 && length.iter().all(u8::is_ascii_digit);
    let length = std::str::from_utf8(length).ok().and_then(|text| text.parse::<usize>().ok());
    let length = length.filter(|length| digits && *length < LOGON_BYTES_MAX);
    let length = length.ok_or("invalid length of a fix message")?;
    let Some((body, rest)) = rest.split_at_checked(length) else { return Ok(None) };
    if body.last() != Some(&END_OF_FIELD) {
        return Err("invalid length of a fix message");
    }
    let Some((sum, after)) = field(rest, b"10=")? else { return Ok(None) };
    let counted = bytes.len() - rest.len();
    let covered = bytes.get(..counted).unwrap_or_default();
    let expected = covered.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if sum != format!("{expected:03}").as_bytes() {
        return Err("invalid check sum of a fix message");
    }
    // The next one must wait for the answer to this one.
    if after.is_empty() { Ok(Some(body)) } else { Err("more than a logon") }
}

/// A field's value, and what follows it.
type Field<'a> = (&'a [u8], &'a [u8]);

/// The value of the first field, which must have this tag; `None` while it is not whole.
fn field<'a>(bytes: &'a [u8], tag: &'static [u8]) -> Result<Option<Field<'a>>, &'static str> {
    let shared = bytes.len().min(tag.len());
    if bytes.get(..shared) != tag.get(..shared) {
        return Err("no fix message");
    }
    let Some(rest) = bytes.get(tag.len()..) else { return Ok(None) };
    let Some(end) = memchr::memchr(END_OF_FIELD, rest) else {
        return if rest.len() > 16 { Err("no fix message") } else { Ok(None) };
    };
    let value = rest.get(..end).unwrap_or_default();
    Ok(Some((value, rest.get(end + 1..).unwrap_or_default())))
}

fn logon(body: &[u8]) -> Result<Logon, &'static str> {
    let (mut sender, mut target) = (None, None);
    for (index, field) in body.split(|byte| *byte == END_OF_FIELD).enumerate() {
        if index == 0 && field != b"35=A" {
            return Err("first fix message is no logon");
        }
        let place = match field {
            [b'4', b'9', b'=', value @ ..] => (&mut sender, value),
            [b'5', b'6', b'=', value @ ..] => (&mut target, value),
            [b'3', b'5', b'=', ..] if index > 0 => return Err("a field of the logon stands twice"),
            _ => continue,
        };
        let (slot, value) = place;
        if value.is_empty() || slot.replace(value.to_vec()).is_some() {
            return Err("a field of the logon is empty or stands twice");
        }
    }
    match (sender, target) {
        (Some(sender), Some(target)) => Ok(Logon { sender, target }),
        _ => Err("logon without its parties"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of these fields, written with `|`.
    fn whole(body: &str) -> Vec<u8> {
        let body = body.replace('|', "\u{1}");
        let mut out = format!("8=FIX.4.4\u{1}9={}\u{1}{body}", body.len()).into_bytes();
        let sum = out.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        out.extend(format!("10={sum:03}\u{1}").bytes());
        out
    }

    const LOGON: &str = "35=A|34=1|49=CLIENT1|52=20261126-10:00:00|56=BROKER|98=0|108=30|";

    #[test]
    fn a_logon_names_its_parties_once_it_is_whole() {
        let bytes = whole(LOGON);
        let logon = Logon { sender: b"CLIENT1".to_vec(), target: b"BROKER".to_vec() };
        assert_eq!(parse(&bytes), Read::Logon(logon));
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]), Read::Partial, "{end}");
        }
    }

    #[test]
    fn what_is_no_logon_is_told_apart() {
        let order = LOGON.replace("35=A", "35=D");
        let twice = LOGON.replace("98=0", "49=OTHER");
        let late = LOGON.replace("98=0", "35=A");
        let nobody = LOGON.replace("49=CLIENT1|", "");
        let empty = LOGON.replace("49=CLIENT1", "49=");
        for (bytes, why) in [
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "no fix message"),
            (b"8=FIX.4.4.4.4.4.4.4.4.4.4".to_vec(), "no fix message"),
            (b"8=XIF.4.4\x019=5\x01".to_vec(), "no fix message"),
            (b"8=FIX.4.4\x0135=A\x01".to_vec(), "no fix message"),
            (b"8=FIX.4.4\x019=-5\x01".to_vec(), "invalid length of a fix message"),
            (b"8=FIX.4.4\x019=99999\x01".to_vec(), "invalid length of a fix message"),
            (b"8=FIX.4.4\x019=5\x0135=A\x0149=A\x0110=000\x01".to_vec(), "no fix message"),
            (
                b"8=FIX.4.4\x019=5\x0135=A\x0110=000\x01".to_vec(),
                "invalid check sum of a fix message",
            ),
            (whole(&order), "first fix message is no logon"),
            (whole(&twice), "a field of the logon is empty or stands twice"),
            (whole(&empty), "a field of the logon is empty or stands twice"),
            (whole(&late), "a field of the logon stands twice"),
            (whole(&nobody), "logon without its parties"),
            ([whole(LOGON), whole(&order)].concat(), "more than a logon"),
        ] {
            assert_eq!(parse(&bytes), Read::Wrong(why), "{}", String::from_utf8(bytes).unwrap());
        }
    }
}
