//! Malware in uploads (CWE-434), by the file that every scanner finds and that does nothing.

use crate::Attack;
use crate::evidence::evidence;
use crate::request::Request;
use crate::target::{Door, Place, Target, TargetSite};
use crate::trial::{Trial, each_site};
use crate::wire::{Reply, Wire};
use burgrave_model::{Evidence, Outcome, Safeguard};

/// The test file of the European Institute for Computer Antivirus Research, in two parts, so that no scanner takes this
/// program for it.
const TEST_FILE: (&str, &str) =
    ("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!$H+H*");
const HARMLESS: &str = "minutes of the meeting, nothing else";

/// How a file is put into a body.
type Wrap = fn(&str) -> String;

pub(super) struct Uploads;

impl Attack for Uploads {
    fn id(&self) -> &'static str {
        "malware-uploads"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::UnknownSoftware
    }

    fn title(&self) -> &'static str {
        "malware in an upload does not reach the application"
    }

    fn about(&self) -> &'static str {
        "Uploads the test file of the anti-virus industry (EICAR) to every place whose bodies are \
         scanned (CWE-434): as a body,\nas a file of a form, behind another file, and under the type \
         of a picture. The same is sent with a harmless file first. The\nfile does nothing wherever it \
         arrives. Held means 403; 503 means that nobody could scan, which lets nothing pass and proves\n\
         nothing.\n\nIf it fell: the daemon of `scan` does not find what every scanner finds. Look at \
         its signatures (`freshclam`) and at its\nlimits."
    }

    fn applies(&self, target: &Target) -> bool {
        target.sites.iter().flat_map(|site| &site.places).any(|place| place.is_scanned)
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        each_site(target, |site, door| {
            let scanned = site.places.iter().filter(|place| place.is_scanned);
            scanned.flat_map(|place| at_place(wire, site, door, place)).collect()
        })
    }
}

fn at_place(wire: &mut Wire, site: &TargetSite, door: Door, place: &Place) -> Vec<Evidence> {
    let file = [TEST_FILE.0, TEST_FILE.1].concat();
    let request = |kind: &str, body: &str| {
        Request::new("POST", &place.path, &site.host).body(kind, body).bytes()
    };
    let form = "multipart/form-data; boundary=part";
    let mut out = Vec::new();
    let ways: [(&str, &str, Wrap); 4] = [
        ("as a body", "application/octet-stream", as_it_is),
        ("as a file of a form", form, one_file),
        ("behind another file", form, second_file),
        ("as a picture", form, picture),
    ];
    for (what, kind, body) in ways {
        let did = format!("the test file {what} to {}{}", site.host, place.path);
        match Trial::begin(wire, door, site, request(kind, &body(HARMLESS))) {
            Ok(trial) => out.push(trial.attack(wire, &did, &request(kind, &body(&file)), found)),
            Err(mut control) => {
                control.did = format!("{}{} {what}", control.did, place.path);
                out.push(evidence(&control.did, &control.saw, control.outcome));
            }
        }
    }
    out
}

/// Only the answer for what was found is one: all else may be of another safeguard, or of none.
fn found(reply: &Reply, control: u16) -> Outcome {
    match reply {
        Reply::Answer(answer) if answer.status == 403 && control != 403 => Outcome::Held,
        Reply::Answer(answer) if answer.status >= 429 => Outcome::NotProven,
        Reply::Answer(_) => Outcome::Fell,
        Reply::Closed(_) | Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => {
            Outcome::NotProven
        }
    }
}

fn as_it_is(file: &str) -> String {
    file.to_owned()
}

fn part(name: &str, kind: &str, file: &str) -> String {
    format!(
        "--part\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}.bin\"\r\n\
         Content-Type: {kind}\r\n\r\n{file}\r\n"
    )
}

fn one_file(file: &str) -> String {
    part("report", "application/octet-stream", file) + "--part--\r\n"
}

fn second_file(file: &str) -> String {
    part("letter", "text/plain", HARMLESS) + &one_file(file)
}

fn picture(file: &str) -> String {
    part("photo", "image/png", file) + "--part--\r\n"
}
