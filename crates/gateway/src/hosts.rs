//! Which of several things is for a host: the one of that very name, else of the wildcard that stands for its first label (as
//! in certificates, RFC 6125 §6.4.3), else the one for any host.

use std::collections::HashMap;

/// By host name.
#[derive(Clone, Debug)]
pub(crate) struct ByHost<T> {
    exact: HashMap<Box<str>, T>,
    /// By what follows `*.`.
    below: HashMap<Box<str>, T>,
    any: Option<T>,
}

impl<T> Default for ByHost<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), below: HashMap::new(), any: None }
    }
}

impl<T> ByHost<T> {
    /// `host`: as it is configured: a name in lower case, `*.example.com`, or `*`.
    pub(crate) fn insert(&mut self, host: &str, value: T) {
        if host == "*" {
            self.any = Some(value);
        } else if let Some(rest) = host.strip_prefix("*.") {
            self.below.insert(rest.into(), value);
        } else {
            self.exact.insert(host.into(), value);
        }
    }

    /// What is for a host, in lower case.
    pub(crate) fn find(&self, host: &str) -> Option<&T> {
        let below = || {
            let (label, rest) = host.split_once('.')?;
            self.below.get(rest).filter(|_| !label.is_empty())
        };
        self.exact.get(host).or_else(below).or(self.any.as_ref())
    }

    /// What is for any host.
    pub(crate) fn any(&self) -> Option<&T> {
        self.any.as_ref()
    }

    /// Everything, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.exact.values().chain(self.below.values()).chain(&self.any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_has_it() {
        let mut hosts = ByHost::default();
        for host in ["a.example", "b.a.example", "*.a.example", "*.x.a.example", "*"] {
            hosts.insert(host, host);
        }
        for (asked, wanted) in [
            ("a.example", "a.example"),
            ("b.a.example", "b.a.example"),
            ("c.a.example", "*.a.example"),
            ("x.a.example", "*.a.example"),
            ("y.x.a.example", "*.x.a.example"),
            ("z.y.x.a.example", "*"),
            (".a.example", "*"),
            ("*.a.example", "*.a.example"),
            ("example", "*"),
            ("", "*"),
            ("[::1]", "*"),
        ] {
            assert_eq!(hosts.find(asked), Some(&wanted), "{asked}");
        }
        let mut one = ByHost::default();
        one.insert("*.a.example", 1);
        assert_eq!(
            (one.find("a.example"), one.find("b.c.a.example"), one.any()),
            (None, None, None)
        );
        assert_eq!((one.find("b.a.example"), one.values().count()), (Some(&1), 1));
    }
}
