//! What a site of another web server is in our words, and what of it is not carried over.
//!
//! Invariant: whoever makes one of these says for everything that it does not understand either a
//! [`Note`], or that the place is closed, or that the whole site is left out; never nothing.

use burgrave_audit::facts::Place;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Something that a reader of the draft has to know, with where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) place: Place,
    pub(crate) text: String,
}

impl Note {
    pub(crate) fn at(place: &Place, text: impl Into<String>) -> Self {
        Self { place: place.clone(), text: text.into() }
    }
}

/// Who may come in, as far as it can be said in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Anyone.
    Open,
    /// Clients of these networks.
    Networks(Vec<String>),
    /// Nobody, or only those that pass a question that we cannot ask.
    Closed,
}

/// A socket that a site is reached on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) is_tls: bool,
}

/// Where a certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// Both files are there.
    Files { chain: PathBuf, key: PathBuf },
    /// They are not, or not told in a way that we can use: one is made, and why is said.
    Made(String),
}

/// Where requests for a path go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// Shared out among these.
    Upstreams(Vec<String>),
    /// Nowhere: the path is kept closed.
    Nowhere,
    /// Scripts of the site's folder are run, and its other files handed out.
    Scripts {
        /// Who runs them.
        upstreams: Vec<String>,
        /// The script of a folder.
        index: String,
        /// Whether that of the root answers what names nothing.
        front_controller: bool,
        /// The only script, where it is one.
        only: Option<String>,
        /// Folders in which nothing is run.
        kept_free: Vec<String>,
    },
}

/// What runs the scripts of a site, until all of it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scripts {
    pub(crate) upstreams: Vec<String>,
    pub(crate) index: String,
    /// The only one that is run, if not all are.
    pub(crate) only: Option<String>,
    pub(crate) gate: Gate,
    pub(crate) place: Place,
    pub(crate) body_bytes: Option<u64>,
}

/// One path of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) path: String,
    pub(crate) to: To,
    pub(crate) gate: Gate,
    pub(crate) place: Place,
    /// The bound on bodies, in bytes, where the place has its own.
    pub(crate) body_bytes: Option<u64>,
}

impl Route {
    /// The beginning of paths that a guarded place without `/` at its end has taken, by the closed path that stands beside
    /// it; `None` of all others.
    pub(crate) fn guarded_beginning(&self) -> Option<&str> {
        self.path.strip_suffix('.').filter(|_| self.to == To::Nowhere)
    }

    /// Whether it takes a path: one that ends in `/` or `.` whatever begins so, another itself and what is below.
    fn takes(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.path.as_str());
        rest.is_some_and(|rest| {
            self.path.ends_with(['/', '.']) || rest.is_empty() || rest.starts_with('/')
        })
    }

    /// A path that nobody reaches.
    pub(crate) fn closed(path: &str, place: &Place) -> Self {
        Self {
            path: path.to_owned(),
            to: To::Nowhere,
            gate: Gate::Closed,
            place: place.clone(),
            body_bytes: None,
        }
    }
}

/// One site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// Whose it is: `nginx` or `apache`.
    pub(crate) server: &'static str,
    pub(crate) place: Place,
    pub(crate) hosts: Vec<String>,
    pub(crate) listens: Vec<Listen>,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) gate: Gate,
    pub(crate) root: Option<PathBuf>,
    pub(crate) fallback: Option<String>,
    pub(crate) body_bytes: Option<u64>,
    pub(crate) routes: Vec<Route>,
    pub(crate) scripts: Option<Scripts>,
    /// All scripts are refused.
    pub(crate) are_scripts_refused: bool,
    /// The script that answers what names no file.
    pub(crate) front: Option<(String, Place)>,
    /// Folders in which nothing is run.
    pub(crate) kept_free: Vec<String>,
    /// What leaves the site out if it has scripts.
    pub(crate) against_scripts: Vec<Note>,
    pub(crate) notes: Vec<Note>,
    /// Why none of it is carried over; empty where it is.
    pub(crate) left_out: Vec<Note>,
    /// It sends clients elsewhere and does nothing besides, or refuses all.
    pub(crate) is_empty: bool,
}

impl Site {
    pub(crate) fn new(server: &'static str, place: &Place) -> Self {
        Self {
            server,
            place: place.clone(),
            hosts: Vec::new(),
            listens: Vec::new(),
            certificate: None,
            gate: Gate::Open,
            root: None,
            fallback: None,
            body_bytes: None,
            routes: Vec::new(),
            scripts: None,
            are_scripts_refused: false,
            front: None,
            kept_free: Vec::new(),
            against_scripts: Vec::new(),
            notes: Vec::new(),
            left_out: Vec::new(),
            is_empty: false,
        }
    }

    /// Says something about a line.
    pub(crate) fn note(&mut self, place: &Place, text: impl Into<String>) {
        self.notes.push(Note::at(place, text));
    }

    /// Leaves the whole site out because of a line.
    pub(crate) fn leave_out(&mut self, place: &Place, text: impl Into<String>) {
        self.left_out.push(Note::at(place, text));
    }

    /// Keeps a path closed, with what is below it.
    pub(crate) fn close(&mut self, path: &str, place: &Place) {
        self.routes.push(Route::closed(path, place));
    }

    /// Keeps closed whatever begins so, as far as routes can: `/adm` took `/adm.php` and `/admin`. What goes on with a dot
    /// is closed as well; the rest is looked for in [`Self::settle`] and in the folder.
    pub(crate) fn close_beginning(&mut self, path: &str, place: &Place) {
        self.close(path, place);
        if !path.ends_with('/') {
            self.close(&format!("{path}."), place);
        }
    }

    /// Makes a route of what is known of its scripts, once everything was gone through.
    pub(crate) fn settle_scripts(&mut self) {
        let front = self.front.take();
        let Some(scripts) = self.scripts.take() else {
            if let Some((script, place)) = front {
                let text = format!("what is no file goes to `{script}`, which nobody runs");
                self.leave_out(&place, text);
            }
            return;
        };
        self.left_out.append(&mut self.against_scripts);
        let place = scripts.place.clone();
        if self.root.is_none() || self.routes.iter().any(|route| route.path == "/") {
            self.leave_out(&place, "its scripts lie beside what is no folder of files");
        }
        if let Some((script, place)) = &front
            && script.strip_prefix('/') != Some(scripts.index.as_str())
        {
            let text =
                format!("what is no file goes to `{script}`, and a folder to `{}`", scripts.index);
            self.leave_out(place, text);
        }
        if let Some(only) = &scripts.only
            && only.strip_prefix('/') != Some(scripts.index.as_str())
        {
            let text = format!("`{only}` alone is run, and a folder goes to `{}`", scripts.index);
            self.leave_out(&place, text);
        }
        let front_controller = front.is_some();
        if front_controller {
            // The front controller takes what would have been another page.
            self.fallback = None;
        }
        let mut kept_free = std::mem::take(&mut self.kept_free);
        kept_free.sort();
        kept_free.dedup();
        let to = To::Scripts {
            upstreams: scripts.upstreams,
            index: scripts.index,
            front_controller,
            only: scripts.only,
            kept_free,
        };
        let route = Route {
            path: "/".to_owned(),
            to,
            gate: scripts.gate,
            place,
            body_bytes: scripts.body_bytes,
        };
        self.routes.insert(0, route);
    }

    /// Whether programs of its folder are run.
    pub(crate) fn has_scripts(&self) -> bool {
        self.scripts.is_some() || self.routes.iter().any(|own| matches!(own.to, To::Scripts { .. }))
    }

    /// Puts it in order: one route a path, of two the closed one; nothing to serve is empty.
    pub(crate) fn settle(&mut self) {
        let mut routes: Vec<Route> = Vec::new();
        for route in std::mem::take(&mut self.routes) {
            match routes.iter_mut().find(|known| known.path == route.path) {
                Some(known) if (&known.to, &known.gate) == (&route.to, &route.gate) => {}
                Some(known) => {
                    *known = Route::closed(&route.path, &known.place);
                    let text =
                        format!("`{}` is told twice, in two ways: it is kept closed", route.path);
                    self.notes.push(Note::at(&route.place, text));
                }
                None => routes.push(route),
            }
        }
        for route in &routes {
            let Some(beginning) = route.guarded_beginning() else { continue };
            let sibling = format!("{beginning}x");
            let taken = routes.iter().filter(|other| other.takes(&sibling));
            let taken = taken.max_by_key(|other| other.path.len());
            // What is a file or a script of the folder was looked for there.
            let of_folder = |to: &To| matches!(to, To::Scripts { front_controller: false, .. });
            let goes_on = |to: &To| *to != To::Nowhere && !of_folder(to);
            if let Some(other) = taken.filter(|other| goes_on(&other.to)) {
                let text = format!(
                    "`{beginning}` guarded every path that begins so, as `{sibling}`, which would go to `{}` now: end it in `/` there, or close such paths by routes",
                    other.path
                );
                self.left_out.push(Note::at(&route.place, text));
            }
        }
        self.is_empty |= self.root.is_none() && routes.iter().all(|route| route.to == To::Nowhere);
        self.routes = routes;
    }

    /// Whether it is reached by TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.certificate.is_some()
    }

    /// Adds a name, or says why not.
    pub(crate) fn name(&mut self, name: &str, place: &Place) {
        let lower = name.to_ascii_lowercase();
        if matches!(name, "_" | "") {
            lower_once(&mut self.hosts, "*".to_owned());
        } else if crate::words::is_host(&lower) {
            lower_once(&mut self.hosts, lower);
        } else {
            let text = format!("the name `{name}` is a pattern or no host name: name each host");
            self.note(place, text);
        }
    }
}

fn lower_once(hosts: &mut Vec<String>, host: String) {
    if !hosts.contains(&host) {
        hosts.push(host);
    }
}

#[cfg(test)]
pub(crate) use tests::scripts_in_short;

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn place() -> Place {
        Place { path: Path::new("/etc/nginx/nginx.conf").into(), line: 3 }
    }

    fn route(path: &str, to: &str, gate: Gate) -> Route {
        let to = To::Upstreams(vec![to.to_owned()]);
        Route { path: path.to_owned(), to, gate, place: place(), body_bytes: None }
    }

    #[test]
    fn names_are_taken_once_and_patterns_are_told() {
        let mut site = Site::new("nginx", &place());
        for name in ["A.example", "a.example", "_", "", "*.b.example", "~^c", "d e"] {
            site.name(name, &place());
        }
        assert_eq!(site.hosts, ["a.example", "*"]);
        assert_eq!(site.notes.len(), 3, "{:?}", site.notes);
    }

    #[test]
    fn a_path_that_is_told_in_two_ways_is_closed() {
        let networks = Gate::Networks(vec!["10.0.0.0/8".to_owned()]);
        let mut site = Site::new("apache", &place());
        site.routes = vec![
            route("/a/", "http://x:1", Gate::Open),
            route("/a/", "http://x:1", Gate::Open),
            route("/b/", "http://x:1", Gate::Open),
            route("/b/", "http://x:2", Gate::Open),
            route("/c/", "http://x:1", networks),
            route("/c/", "http://x:1", Gate::Open),
        ];
        site.settle();
        let shape: Vec<(&str, bool)> = site
            .routes
            .iter()
            .map(|route| (route.path.as_str(), route.to == To::Nowhere))
            .collect();
        assert_eq!(shape, [("/a/", false), ("/b/", true), ("/c/", true)]);
        assert_eq!(site.notes.len(), 2);
    }

    #[test]
    fn a_site_of_closed_paths_alone_serves_nothing() {
        let mut site = Site::new("nginx", &place());
        site.close_beginning("/adm", &place());
        site.settle();
        assert!(site.is_empty && site.left_out.is_empty());
        let closed: Vec<&str> = site.routes.iter().map(|route| route.path.as_str()).collect();
        assert_eq!(closed, ["/adm", "/adm."]);
    }

    #[test]
    fn what_begins_like_a_guarded_path_and_goes_elsewhere_leaves_the_site_out() {
        for (other, is_out) in [("/", true), ("/ad", false), ("/admx", true), ("/b/", false)] {
            let mut site = Site::new("nginx", &place());
            site.close_beginning("/adm", &place());
            site.routes.push(route(other, "http://x:1", Gate::Open));
            site.settle();
            assert_eq!(!site.left_out.is_empty(), is_out, "{other}");
        }
    }

    /// The route with the scripts of a site that is carried over.
    pub(crate) fn scripts_in_short(site: &Site) -> String {
        assert!(site.left_out.is_empty(), "{:?}", site.left_out);
        let route = site.routes.iter().find(|route| route.path == "/").expect("a route for all");
        let To::Scripts { upstreams, index, front_controller, only, kept_free } = &route.to else {
            panic!("{route:?}")
        };
        let front = if *front_controller { " front" } else { "" };
        let only = only.as_ref().map_or(String::new(), |only| format!(" only {only}"));
        format!("{} {index}{front}{only} {}", upstreams.join(","), kept_free.join(","))
    }
}
