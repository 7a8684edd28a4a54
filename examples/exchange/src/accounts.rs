//! Sign-in: passwords hashed with Argon2id, sessions by a random cookie.

use crate::failure::Failure;
use crate::{State as App, random_hex};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Argon2, password_hash};
use axum::body::Bytes;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Redirect, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most sessions at once; the oldest one ends when there is another.
const SESSIONS_MAX: usize = 1_000;
/// A hash that no password has, so that an unknown name takes as long as a known one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password's hash in the PHC format, with Argon2's default cost.
pub(crate) fn hash(password: &str) -> Option<String> {
    let salt = SaltString::from_b64(&random_hex::<16>().ok()?).ok()?;
    let hash: password_hash::Result<_> =
        Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.ok().map(|hash| hash.to_string())
}

fn verify(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// Who is signed in, by token.
#[derive(Default)]
pub(crate) struct Sessions {
    open: Mutex<VecDeque<(String, String)>>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(String, String)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, user: &str) -> std::io::Result<String> {
        let token = random_hex::<32>()?;
        let mut open = self.lock();
        while open.len() >= SESSIONS_MAX {
            open.pop_front();
        }
        open.push_back((token.clone(), user.to_owned()));
        drop(open);
        Ok(token)
    }

    fn end(&self, token: &str) {
        self.lock().retain(|(open, _)| open != token);
    }

    fn user(&self, token: &str) -> Option<String> {
        self.lock().iter().find(|(open, _)| open == token).map(|(_, user)| user.clone())
    }
}

/// The user of a request's session, if there is one.
pub(crate) struct Visitor(pub(crate) Option<String>);

/// The user of a request's session; without one the request is refused.
pub(crate) struct User(pub(crate) String);

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self(token(&parts.headers).and_then(|token| app.sessions.user(token))))
    }
}

impl FromRequestParts<Arc<App>> for User {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let user = token(&parts.headers).and_then(|token| app.sessions.user(token));
        user.map(Self).ok_or(Failure::SIGN_IN)
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split("; "));
    pairs.find_map(|pair| pair.strip_prefix("session="))
}

#[derive(Deserialize)]
pub(crate) struct SignIn {
    user: String,
    password: String,
}

/// A body as JSON or as a form, and whether it was a form.
pub(crate) fn body<T: DeserializeOwned>(
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Result<(T, bool), Failure> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if kind == "application/json" {
        let value = serde_json::from_slice(bytes);
        return value
            .map(|value| (value, false))
            .map_err(|_bad| Failure::bad("this is not the JSON expected here"));
    }
    if kind == "application/x-www-form-urlencoded" {
        let uri = format!("/?{}", String::from_utf8_lossy(bytes)).parse::<axum::http::Uri>();
        let query = uri.ok().and_then(|uri| axum::extract::Query::<T>::try_from_uri(&uri).ok());
        let query = query.ok_or(Failure::bad("this is not the form expected here"))?;
        return Ok((query.0, true));
    }
    Err(Failure::Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send JSON or a form"))
}

/// `POST /api/session`: signs in.
pub(crate) async fn sign_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Failure> {
    let (sign_in, is_form) = body::<SignIn>(&headers, &bytes)?;
    let fault = |error: &dyn std::fmt::Display| app.fault("accounts::sign_in", "signing in", error);
    let known = app.database.password(&sign_in.user).map_err(|error| fault(&error))?;
    let permit = app.heavy.acquire().await.map_err(|error| fault(&error))?;
    let (password, exists) = (sign_in.password, known.is_some());
    let hash = known.unwrap_or_else(|| NOBODY.to_owned());
    let verified = tokio::task::spawn_blocking(move || verify(&password, &hash)).await;
    drop(permit);
    if !verified.map_err(|error| fault(&error))? || !exists {
        return Err(Failure::Refused(StatusCode::UNAUTHORIZED, "wrong name or password"));
    }
    let token = app.sessions.begin(&sign_in.user).map_err(|error| fault(&error))?;
    let secure = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!("session={token}; Path=/; HttpOnly; SameSite=Strict{secure}");
    let cookie = [(header::SET_COOKIE, cookie)];
    Ok(if is_form {
        (cookie, Redirect::to("/")).into_response()
    } else {
        (cookie, Json(json!({ "user": sign_in.user }))).into_response()
    })
}

/// `GET /api/session`: who is signed in.
pub(crate) async fn who(Visitor(user): Visitor) -> Json<serde_json::Value> {
    Json(json!({ "user": user }))
}

/// `DELETE /api/session`: signs out.
pub(crate) async fn sign_out(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Some(token) = token(&headers) {
        app.sessions.end(token);
    }
    let gone = "session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";
    ([(header::SET_COOKIE, gone)], Json(json!({ "user": null }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_takes_its_password_and_no_other() {
        let hash = hash("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("correct horse", &hash));
        for password in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert!(!verify(password, &hash), "{password:?}");
        }
        assert_ne!(super::hash("correct horse").unwrap(), hash, "each has a salt of its own");
    }

    #[test]
    fn nobodys_hash_is_one_and_takes_nothing() {
        assert!(PasswordHash::new(NOBODY).is_ok(), "it must cost what a real one costs");
        assert!(!verify("", NOBODY) && !verify("A", NOBODY));
        assert!(!verify("x", "not a hash"));
    }

    #[test]
    fn sessions_are_bounded_and_end() {
        let sessions = Sessions::default();
        let first = sessions.begin("trader").unwrap();
        let second = sessions.begin("desk").unwrap();
        assert_eq!((first.len(), sessions.user(&first).as_deref()), (64, Some("trader")));
        sessions.end(&second);
        assert_eq!(sessions.user(&second), None);
        assert_eq!(sessions.user(""), None);
        for _ in 0..SESSIONS_MAX {
            sessions.begin("desk").unwrap();
        }
        assert_eq!(sessions.lock().len(), SESSIONS_MAX);
        assert_eq!(sessions.user(&first), None, "the oldest one has ended");
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let token_in = |cookies: &[&str]| {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(header::COOKIE, cookie.parse().unwrap());
            }
            token(&headers).map(str::to_owned)
        };
        assert_eq!(token_in(&["a=1; session=x; b=2"]).as_deref(), Some("x"));
        assert_eq!(token_in(&["a=1", "session=y"]).as_deref(), Some("y"));
        assert_eq!(token_in(&["xsession=z", "session"]), None);
        assert_eq!(token_in(&[]), None);
    }
}
