//! Files of places are made here: a tree of bits, its leaves, and what they say (`MaxMind` DB, version 2.0).

use super::*;

/// A value as the format writes it, of those that are needed.
enum Value<'v> {
    Text(&'v str),
    Short(u16),
    Number(u32),
    Long(u64),
    Map(Vec<(&'v str, Value<'v>)>),
    List(Vec<Value<'v>>),
}

fn head(out: &mut Vec<u8>, kind: u8, size: usize) {
    let size = u8::try_from(size).unwrap();
    assert!(size < 29, "short ones are enough");
    if kind > 7 {
        out.extend([size, kind - 7]);
    } else {
        out.push(kind << 5 | size);
    }
}

fn write(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Text(text) => {
            head(out, 2, text.len());
            out.extend(text.as_bytes());
        }
        Value::Short(number) => {
            head(out, 5, 2);
            out.extend(number.to_be_bytes());
        }
        Value::Long(number) => {
            head(out, 9, 8);
            out.extend(number.to_be_bytes());
        }
        Value::Number(number) => {
            head(out, 6, 4);
            out.extend(number.to_be_bytes());
        }
        Value::Map(pairs) => {
            head(out, 7, pairs.len());
            for (name, value) in pairs {
                write(out, &Value::Text(name));
                write(out, value);
            }
        }
        Value::List(values) => {
            head(out, 11, values.len());
            for value in values {
                write(out, value);
            }
        }
    }
}

/// A database of IPv4, in which each first octet of `rows` has a value.
fn made(kind: &str, rows: &[(u8, Value<'_>)]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut places = Vec::new();
    for (octet, value) in rows {
        places.push((*octet, data.len()));
        write(&mut data, value);
    }
    // A full tree of eight levels: node n has the children 2n+1 and 2n+2.
    let nodes = 255_usize;
    let leaf = |octet: usize| {
        let place = places.iter().find(|(own, _)| usize::from(*own) == octet);
        place.map_or(nodes, |(_, at)| nodes + 16 + at)
    };
    let mut out = Vec::new();
    for node in 0..nodes {
        for child in [2 * node + 1, 2 * node + 2] {
            let record = if child < nodes { child } else { leaf(child - nodes) };
            out.extend(&u32::try_from(record).unwrap().to_be_bytes()[1..]);
        }
    }
    out.extend([0; 16]);
    out.extend(data);
    out.extend(b"\xab\xcd\xefMaxMind.com");
    write(
        &mut out,
        &Value::Map(vec![
            ("node_count", Value::Number(255)),
            ("record_size", Value::Short(24)),
            ("ip_version", Value::Short(4)),
            ("database_type", Value::Text(kind)),
            ("languages", Value::List(vec![Value::Text("en")])),
            ("binary_format_major_version", Value::Short(2)),
            ("binary_format_minor_version", Value::Short(0)),
            ("build_epoch", Value::Long(1)),
            ("description", Value::Map(vec![("en", Value::Text("made"))])),
        ]),
    );
    out
}

struct Stage {
    folder: tempfile::TempDir,
    from: Administrators,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let country =
            |code| Value::Map(vec![("country", Value::Map(vec![("iso_code", Value::Text(code))]))]);
        let network =
            |number| Value::Map(vec![("autonomous_system_number", Value::Number(number))]);
        let countries =
            made("Made-Country", &[(11, country("DE")), (12, country("DE")), (13, country("SE"))]);
        let networks =
            made("Made-ASN", &[(11, network(3_320)), (12, network(6_805)), (13, network(64_500))]);
        let write = |name: &str, bytes: &[u8]| {
            let file = folder.path().join(name);
            replace_own(&file, bytes, Access::Owner).unwrap();
            file
        };
        let databases = vec![write("country.mmdb", &countries), write("asn.mmdb", &networks)];
        let from =
            Administrators { accounts: vec!["root".to_owned()], databases, usual: Vec::new() };
        Self { folder, from }
    }

    fn home(&self) -> Home {
        Home::open(self.folder.path()).unwrap()
    }

    fn open(&self, told: &mut Vec<String>) -> Places {
        Places::open(&self.from, &self.home(), &mut |text| told.push(text)).unwrap()
    }
}

fn login(places: &mut Places, user: &str, ip: &str) -> Option<String> {
    let event = Event {
        service: "sshd",
        kind: Kind::AuthSuccess,
        ip: Some(ip.parse().unwrap()),
        host: None,
        user: Some(user.as_bytes()),
        stamp: None,
        count: 1,
        score: 0,
        port: None,
    };
    assert_eq!(places.event(&Event { kind: Kind::AuthFailure, ..event }, 100), None);
    places.event(&event, 100).map(|unusual| unusual.words)
}

#[test]
fn a_sign_in_from_elsewhere_is_told_and_remembered() {
    let (stage, mut told) = (Stage::new(), Vec::new());
    let mut places = stage.open(&mut told);
    assert_eq!(login(&mut places, "root", "11.1.2.3"), None, "the first is learned");
    assert_eq!(login(&mut places, "root", "10.0.0.1"), None, "inside");
    assert_eq!(login(&mut places, "bob", "13.1.1.1"), None, "no administrator");
    assert_eq!(
        login(&mut places, "root", "12.1.1.1").as_deref(),
        Some("login-from-new-network by 12.1.1.1: `root` at sshd from DE (AS6805)")
    );
    places.keep(&stage.home()).unwrap();
    // After a restart nothing is learned anew.
    let mut places = stage.open(&mut told);
    assert_eq!(login(&mut places, "root", "::ffff:12.1.1.9"), None);
    assert_eq!(
        login(&mut places, "root", "13.1.1.1").as_deref(),
        Some("login-from-new-country by 13.1.1.1: `root` at sshd from SE (AS64500)")
    );
    assert_eq!(
        login(&mut places, "root", "99.1.1.1").as_deref(),
        Some("login-from-new-country by 99.1.1.1: `root` at sshd from a country that is not known")
    );
    assert!(told.is_empty());
}

#[test]
fn what_was_remembered_and_makes_no_sense_is_told_and_kept_beside() {
    let (stage, mut told) = (Stage::new(), Vec::new());
    replace_own(&stage.home().origins(), b"[{]", Access::Owner).unwrap();
    let mut places = stage.open(&mut told);
    assert!(told[0].contains("learned anew"), "{told:?}");
    assert_eq!(login(&mut places, "root", "11.1.2.3"), None);
    let aside = stage.home().origins().with_extension("json.odd");
    assert_eq!(read_own(&aside, 100).unwrap(), b"[{]");
}

#[test]
fn what_is_no_database_of_places_is_refused() {
    let mut stage = Stage::new();
    assert!(check(&stage.from).is_ok());
    for (bytes, why) in [
        (made("Made-Domain", &[]), "its kind is `Made-Domain`"),
        (b"nothing".to_vec(), "cannot be used"),
        (Vec::new(), "cannot be used"),
    ] {
        let file = stage.folder.path().join("odd.mmdb");
        replace_own(&file, &bytes, Access::Owner).unwrap();
        stage.from.databases = vec![file];
        let said = burgrave_sys::chain(&check(&stage.from).unwrap_err());
        assert!(said.contains(why), "{said}");
    }
    stage.from.databases = vec!["/nowhere.mmdb".into()];
    assert!(check(&stage.from).is_err());
}
