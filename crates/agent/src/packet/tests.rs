//! Packets beside the lines that the kernel writes for them, and bytes that are no packets.

use super::*;
use burgrave_watch::Reader;

const ETH: &[u8] = &[0x52, 0x54, 0, 1, 2, 3, 0x52, 0x54, 0, 4, 5, 6, 8, 0];

/// From text with spaces.
fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn said(payload: &[u8]) -> String {
    let packet = Logged {
        prefix: b"drop: ",
        payload,
        hardware: Some(ETH),
        input: Some(2),
        ..Logged::default()
    };
    let names = Names { input: "eth0", ..Names::default() };
    String::from_utf8(line(&packet, names)).unwrap()
}

fn check(payload: &str, expected: &str) {
    let line = said(&bytes(payload));
    let rest = line
        .strip_prefix("kernel: drop: IN=eth0 OUT= MAC=52:54:00:01:02:03:52:54:00:04:05:06:08:00 ")
        .unwrap();
    assert_eq!(rest, expected, "{payload}");
}

const HEAD4: &str = "45 b8 003c 1234 4000 31 06 0000 c0000201 c6336407 ";
const SAID4: &str = "SRC=192.0.2.1 DST=198.51.100.7 LEN=60 TOS=0x18 PREC=0xA0 TTL=49 ID=4660 DF ";
const HEAD6: &str =
    "6ab12345 0014 06 40 20010db8000000000000000000000001 20010db8000000000000000000000002 ";
const SAID6: &str = "SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=2001:0db8:0000:0000:0000:0000:0000:0002 LEN=60 TC=171 HOPLIMIT=64 FLOWLBL=74565 ";
const SYN: &str = "9c40 0017 00000001 00000000 5002 faf0 0000 0000 ";
const SAID_SYN: &str = "PROTO=TCP SPT=40000 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 ";

#[test]
fn packets_become_the_lines_of_the_kernel() {
    let four = |protocol: &str| HEAD4.replace("31 06", &format!("31 {protocol}"));
    let six = |protocol: &str| HEAD6.replace("0014 06", &format!("0014 {protocol}"));
    let with = |said: &str, rest: &str| format!("{said}{rest}");
    for (packet, expected) in [
        (with(HEAD4, SYN), with(SAID4, SAID_SYN)),
        (with(HEAD6, SYN), with(SAID6, SAID_SYN)),
        (
            with(HEAD4, "9c40 0017 00000001 00000000 5fff 0001 0000 0002"),
            with(
                SAID4,
                "PROTO=TCP SPT=40000 DPT=23 WINDOW=1 RES=0x3c CWR ECE URG ACK PSH RST SYN FIN URGP=2 ",
            ),
        ),
        (with(HEAD4, "9c40 0017"), with(SAID4, "PROTO=TCP INCOMPLETE [4 bytes] ")),
        (
            with(&four("11"), "9c40 00a1 0028 0000"),
            with(SAID4, "PROTO=UDP SPT=40000 DPT=161 LEN=40 "),
        ),
        (
            with(&six("11"), "9c40 00a1 0028 0000"),
            with(SAID6, "PROTO=UDP SPT=40000 DPT=161 LEN=40 "),
        ),
        (
            with(&four("88"), "9c40 00a1 0028 0000"),
            with(SAID4, "PROTO=UDPLITE SPT=40000 DPT=161 LEN=40 "),
        ),
        (
            with(&four("01"), "0800 0000 0007 0009"),
            with(SAID4, "PROTO=ICMP TYPE=8 CODE=0 ID=7 SEQ=9 "),
        ),
        (
            with(&four("01"), "0c00 0000 0500 0000"),
            with(SAID4, "PROTO=ICMP TYPE=12 CODE=0 PARAMETER=5 "),
        ),
        (
            with(&six("3a"), "8000 0000 0007 0009"),
            with(SAID6, "PROTO=ICMPv6 TYPE=128 CODE=0 ID=7 SEQ=9 "),
        ),
        (with(&six("3a"), "8700 0000 0000 0000"), with(SAID6, "PROTO=ICMPv6 TYPE=135 CODE=0 ")),
        (with(&four("32"), "0000abcd"), with(SAID4, "PROTO=ESP SPI=0xabcd ")),
        (with(&four("33"), "06040000 0000abcd"), with(SAID4, "PROTO=AH SPI=0xabcd ")),
        (with(&four("84"), SYN), with(SAID4, "PROTO=132 ")),
        (with(&six("3b"), ""), with(SAID6, "PROTO=59 ")),
        (
            with(&HEAD4.replace("4000 31", "200a 31"), SYN),
            with(&SAID4.replace("DF ", "MF FRAG:10 "), "PROTO=TCP "),
        ),
        (
            with(&six("00"), &format!("3c00000000000000 06000000 00000000 {SYN}")),
            with(SAID6, SAID_SYN),
        ),
        (
            with(&six("2c"), &format!("0600 0009 0000abcd {SYN}")),
            with(SAID6, "FRAG:8 INCOMPLETE ID:0000abcd PROTO=TCP "),
        ),
        (with(&six("2b"), "06ff0000 00000000"), with(SAID6, "PROTO=TCP INCOMPLETE [0 bytes] ")),
        (with(&six("32"), SYN), SAID6.to_owned()),
        ("45 00".to_owned(), "INCOMPLETE [2 bytes] ".to_owned()),
        ("60".to_owned(), "INCOMPLETE [1 bytes] ".to_owned()),
        ("0001 0800 0604 0001".to_owned(), String::new()),
        (String::new(), String::new()),
    ] {
        check(&packet, &expected);
    }
}

#[test]
fn a_quoted_packet_stands_in_brackets_and_is_nobodys_knock() {
    let four = HEAD4.replace("31 06", "31 01");
    check(
        &format!("{four} 0304 0000 0000 05dc {HEAD4} {SYN}"),
        &format!("{SAID4}PROTO=ICMP TYPE=3 CODE=4 [{SAID4}{SAID_SYN}] MTU=1500 "),
    );
    check(
        &format!("{four} 0501 0000 c0000209 {four} 0b00 0000 00000000 {HEAD4} {SYN}"),
        &format!(
            "{SAID4}PROTO=ICMP TYPE=5 CODE=1 GATEWAY=192.0.2.9 [{SAID4}PROTO=ICMP TYPE=11 CODE=0 ] "
        ),
    );
    let six = HEAD6.replace("0014 06", "0014 3a");
    let big = format!("{six} 0200 0000 00000500 {HEAD6} {SYN}");
    check(&big, &format!("{SAID6}PROTO=ICMPv6 TYPE=2 CODE=0 [{SAID6}{SAID_SYN}] MTU=1280 "));
    let mut reader = Reader::new(burgrave_watch::by_name("firewall").unwrap(), true);
    assert_eq!(reader.line(said(&bytes(&big)).as_bytes()), None);
}

#[test]
fn what_is_not_there_is_left_out() {
    let payload = bytes(&format!("{HEAD4}{SYN}"));
    let packet =
        Logged { prefix: b"a\nb\x1b ", payload: &payload, mark: 0x1f, ..Logged::default() };
    let names =
        Names { output: "eth1", bridge_input: "veth0", bridge_output: "veth1", ..Names::default() };
    assert_eq!(
        String::from_utf8(line(&packet, names)).unwrap(),
        format!("kernel: a b  IN= OUT=eth1 PHYSIN=veth0 PHYSOUT=veth1 {SAID4}{SAID_SYN}MARK=0x1f ")
    );
    let names = Names { input: "tun0", ..Names::default() };
    let text = String::from_utf8(line(&Logged { payload: &payload, ..packet }, names)).unwrap();
    assert!(text.contains("IN=tun0 OUT= MAC= SRC="), "{text}");
}

#[test]
fn the_service_firewall_reads_it() {
    let mut reader = Reader::new(burgrave_watch::by_name("firewall").unwrap(), false);
    for (head, ip) in [(HEAD4, "192.0.2.1"), (HEAD6, "2001:db8::1")] {
        let text = said(&bytes(&format!("{head}{SYN}")));
        let event = reader.line(text.as_bytes()).unwrap();
        assert_eq!((event.ip.unwrap().to_string().as_str(), event.port), (ip, Some(23)));
    }
}

#[test]
fn bytes_of_any_kind_become_one_line_with_a_bound() {
    let quoting = format!("{} 0300 0000 00000000 {HEAD4} {SYN}", HEAD4.replace("31 06", "31 01"));
    let chained =
        format!("{} {}", HEAD6.replace("0014 06", "0014 00"), "0000000000000000".repeat(11));
    let seeds =
        [format!("{HEAD4}{SYN}"), format!("{HEAD6}{SYN}"), quoting, chained, "00".repeat(128)];
    let seeds = seeds.map(|seed| bytes(&seed));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    };
    let mut reader = Reader::new(burgrave_watch::by_name("firewall").unwrap(), true);
    for round in 0..300_000 {
        let mut payload = seeds[round % seeds.len()].clone();
        for _ in 0..=random(8) {
            let place = random(payload.len());
            payload[place] = u8::try_from(random(256)).unwrap();
        }
        payload.truncate(payload.len() - random(payload.len() / 4 + 1));
        let text = said(&payload);
        assert!(text.len() < 1_024, "{} bytes", text.len());
        assert!(text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{text}");
        // Whoever is seen is whoever sent it, and nobody whom a packet quotes.
        if let Some(ip) = reader.line(text.as_bytes()).and_then(|event| event.ip) {
            let own = match ip {
                std::net::IpAddr::V4(ip) => payload[12..16] == ip.octets(),
                std::net::IpAddr::V6(ip) => payload[8..24] == ip.octets(),
            };
            assert!(own, "{ip} of {text}");
        }
    }
}
