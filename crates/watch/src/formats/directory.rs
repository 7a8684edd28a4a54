//! Directories: OpenLDAP. The address stands where the connection is accepted, the refusal in a later
//! line of the same connection.

use crate::pattern::{Pattern, Turn};
use crate::piece::Piece::{self, B, Host, K, L, Not, Num, One, Q, Rep, Sp, Sub};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&SLAPD];

static SLAPD: Service = Service::new("slapd", "OpenLDAP: refused passwords.", "/var/log/syslog")
    .programs(&["slapd"])
    .sessions()
    .patterns(&[
        Pattern::auth(&[CONNECTION, L("ACCEPT from IP="), Host, L(":"), Num, Sp]).turn(Turn::Notes),
        Pattern::auth(&[
            CONNECTION,
            L("RESULT"),
            Rep(&[Sp, One(&["tag=", "oid=", "qtime=", "etime=", "nentries="]), Not(" ")]),
            L(" err=49"),
            B,
        ]),
    ]);

/// `conn=1022 op=0 `.
const CONNECTION: Piece =
    Sub(&[L("conn="), K, Num, Q, Rep(&[L(" "), One(&["fd=", "op="]), Num]), L(" ")]);

#[cfg(test)]
mod tests {
    use crate::Reader;

    #[test]
    fn the_address_of_a_refusal_is_that_of_its_connection() {
        let mut reader = Reader::new(crate::by_name("slapd").unwrap(), false);
        let mut say = |line: &str| {
            reader
                .line(format!("Jul  8 01:47:19 h slapd[1183]: {line}").as_bytes())
                .and_then(|event| event.ip)
        };
        assert_eq!(
            say("conn=1 op=0 RESULT tag=97 err=49 text="),
            None,
            "whose connection, is not known"
        );
        assert_eq!(say("conn=2 fd=21 ACCEPT from IP=192.0.2.1:45011 (IP=0.0.0.0:636)"), None);
        assert_eq!(say("conn=2 op=0 RESULT tag=97 err=0 text="), None);
        assert_eq!(say("conn=2 op=0 RESULT tag=97 err=49 text=").unwrap().to_string(), "192.0.2.1");
    }
}
