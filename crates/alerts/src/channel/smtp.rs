//! Mail: handed to a server over TLS, or not at all but to this machine.
//!
//! The message has the same `Message-ID` and the same date at every attempt, by which receivers know a repeat.

use super::{Failure, IDLE_TIME};
use crate::message::Message;
use crate::secret::Secret;
use burgrave_config::{AlertChannel, SmtpTls};
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{SmtpTransport, Transport as _};
use std::time::{Duration, SystemTime};

type Server<'s> = (&'s String, u16, SmtpTls);

/// Whether addresses are addresses, and somebody vouches for the server.
pub(super) fn check(config: &AlertChannel) -> Result<(), String> {
    addresses(config)?;
    burgrave_client::authorities(config.ca.as_deref()).map(drop).map_err(|error| error.to_string())
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|error| format!("`{}` is no mail address: {error}", text.escape_debug()))
}

fn addresses(config: &AlertChannel) -> Result<(Mailbox, Vec<Mailbox>), String> {
    let from = mailbox(config.from.as_deref().unwrap_or_default())?;
    let to = config.recipients.iter().map(|recipient| mailbox(recipient));
    Ok((from, to.collect::<Result<_, _>>()?))
}

pub(super) fn send(
    message: &Message,
    host: &str,
    config: &AlertChannel,
    server: Server<'_>,
    secret: Option<&Secret>,
) -> Result<(), Failure> {
    let sent = mail(message, host, config).and_then(|mail| {
        let transport = transport(host, config, server, secret)?;
        transport.send(&mail).map_err(|error| burgrave_sys::chain(&error))
    });
    sent.map(drop).map_err(|why| Failure::of(why, 0))
}

fn mail(message: &Message, host: &str, config: &AlertChannel) -> Result<Mail, String> {
    let (from, to) = addresses(config)?;
    let made = Duration::from_micros(u64::try_from(message.made).unwrap_or(0));
    let builder = Mail::builder()
        .from(from)
        .date(SystemTime::UNIX_EPOCH + made)
        .message_id(Some(format!("<{}@burgrave.{host}>", message.id)))
        .subject(message.subject(host))
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN);
    let builder = to.into_iter().fold(builder, lettre::message::MessageBuilder::to);
    builder.body(message.text(host)).map_err(|error| error.to_string())
}

/// So that nobody's absence answers it (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

fn transport(
    host: &str,
    config: &AlertChannel,
    (server, port, tls): Server<'_>,
    secret: Option<&Secret>,
) -> Result<SmtpTransport, String> {
    let name = server.trim_start_matches('[').trim_end_matches(']');
    let tls = match tls {
        SmtpTls::Off => Tls::None,
        SmtpTls::Start => Tls::Required(parameters(name, config)?),
        SmtpTls::Wrapped => Tls::Wrapper(parameters(name, config)?),
    };
    let mut builder = SmtpTransport::builder_dangerous(name)
        .port(port)
        .tls(tls)
        .hello_name(ClientId::Domain(host.to_owned()))
        .timeout(Some(IDLE_TIME));
    if let (Some(user), Some(secret)) = (&config.user, secret) {
        let password = secret.reveal().to_owned();
        builder = builder.credentials(Credentials::new(user.clone(), password));
    }
    Ok(builder.build())
}

fn parameters(name: &str, config: &AlertChannel) -> Result<TlsParameters, String> {
    let authorities = burgrave_client::authorities(config.ca.as_deref());
    let authorities = authorities.map_err(|error| error.to_string())?;
    let builder = TlsParameters::builder(name.to_owned()).certificate_store(CertificateStore::None);
    let builder = authorities.into_iter().try_fold(builder, |builder, authority| {
        let certificate = Certificate::from_der(authority.to_vec());
        Ok::<_, String>(
            builder.add_root_certificate(certificate.map_err(|e| burgrave_sys::chain(&e))?),
        )
    })?;
    builder.build().map_err(|error| burgrave_sys::chain(&error))
}
