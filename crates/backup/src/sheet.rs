//! The sheet of paper from which everything is restored when nothing else is left: where the repository is, its password
//! in words for the telephone and as a QR code for the camera, and the steps.

use crate::error::BackupError;
use crate::job::Job;
use crate::keyfile::Password;
use burgrave_config::BackupTarget;
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// The words of the spelling alphabet of the ITU and NATO, and digits as they are spoken.
const LETTERS: [&str; 26] = [
    "alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett",
    "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango",
    "uniform", "victor", "whiskey", "xray", "yankee", "zulu",
];
const DIGITS: [&str; 10] =
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
/// Words of a line.
const LINE: usize = 8;

/// A character in a word that cannot be misheard.
fn word(byte: u8) -> String {
    let of = |list: &[&str], from: u8| {
        list.get(usize::from(byte.wrapping_sub(from)))
            .map_or_else(String::new, |&word| word.to_owned())
    };
    match byte {
        b'a'..=b'z' => of(&LETTERS, b'a'),
        b'A'..=b'Z' => of(&LETTERS, b'A').to_uppercase(),
        b'0'..=b'9' => of(&DIGITS, b'0'),
        b'!'..=b'~' => format!("`{}`", char::from(byte)),
        b' ' => "space".to_owned(),
        other => format!("byte-{other:02x}"),
    }
}

/// The whole sheet, as text. It holds the password: it is for paper.
pub fn sheet(job: &Job<'_>) -> Result<String, BackupError> {
    let settings = job.settings();
    let password = Password::read(&settings.key)?;
    let repository = job.open()?;
    let text = String::from_utf8(password.bytes().to_vec()).map_err(|_odd| {
        BackupError::Refused("the password is no text, and cannot be printed".to_owned())
    })?;
    let words: Vec<String> = text.bytes().map(word).collect();
    let code =
        QrCode::with_error_correction_level(text.as_bytes(), EcLevel::M).map_err(|error| {
            BackupError::Refused(format!("the password does not fit into a QR code: {error}"))
        })?;
    let code =
        code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    let place = place(&settings.repository);
    let mut sheet = format!(
        "RECOVERY SHEET of the backup job `{}`\n\nWhoever holds this sheet can read the backups. Keep it off this \
         machine, on paper, where you keep contracts.\n\nrepository   {}\nits name     {}\nmade by      {}\nformat       \
         restic's, version 2: any release of restic from 0.14 on reads it\n\nPASSWORD\n\n{text}\n\nin words, each line \
         with its number of letters:\n",
        job.name(),
        job.repository_name(),
        repository.id(),
        crate::host(),
    );
    for line in words.chunks(LINE) {
        sheet.push_str(&format!("  {} ({})\n", line.join(" "), line.len()));
    }
    sheet.push_str(&format!("\nas a QR code:\n\n{code}\n\nSTEPS\n\n"));
    sheet.push_str(&format!(
        "1. On a sound machine, write the password into a file and close it to others:\n     install -m 600 /dev/stdin \
         recovery-key   (type the password, Enter, Ctrl-D)\n2. Reach the repository: {}.\n3. With Burgrave, name \
         repository and key in a file with one [[backup]], and:\n     burgrave backup list {job} --config FILE\n     \
         burgrave backup restore {job} --to /restored --config FILE\n4. Without Burgrave, with restic alone:\n     restic \
         -r {place} --password-file recovery-key snapshots\n     restic -r {place} --password-file recovery-key restore \
         latest --target /restored\n5. Compare what came with what you expect, then put it in place. The guide for a whole \
         machine is docs/backups/recovery.md.\n",
        reach(&settings.repository),
        job = job.name(),
    ));
    Ok(sheet)
}

/// A repository's place, as restic writes it.
fn place(target: &BackupTarget) -> String {
    match target {
        BackupTarget::Local(path) => path.display().to_string(),
        BackupTarget::Sftp { .. } | BackupTarget::Rest(_) | BackupTarget::S3(_) => {
            crate::target::name(target)
        }
    }
}

fn reach(target: &BackupTarget) -> &'static str {
    match target {
        BackupTarget::Local(_) => "mount its disk where it was, or name the new place below",
        BackupTarget::Sftp { .. } => "an account that may sign in there by SFTP",
        BackupTarget::Rest(_) => "the server's address and an account of it",
        BackupTarget::S3(_) => "the bucket, and a key that may read it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_words_that_cannot_be_misheard() {
        for (byte, expected) in [
            (b'a', "alfa"),
            (b'F', "FOXTROT"),
            (b'0', "zero"),
            (b'9', "nine"),
            (b'-', "`-`"),
            (b' ', "space"),
            (7, "byte-07"),
        ] {
            assert_eq!(word(byte), expected);
        }
        let mut all: Vec<String> = (0..=255).map(word).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 256, "each byte has a word of its own");
    }
}
