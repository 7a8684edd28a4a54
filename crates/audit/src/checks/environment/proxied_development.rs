//! Production hands nothing to a development server.

use super::is_other;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "environment-proxied-development",
    safeguard: Safeguard::Environments,
    severity: Severity::Medium,
    title: "production hands nothing to a development server",
    why: "Servers of frameworks for development show errors with source, reload what changes \
              and are built for one user. They say so when they start.",
    remedy: "Run the application by its production server and proxy to that.",
    controls: &["PCI 6.5.3", "ISO 8.31"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/systemd/system/x.service",
            "[Service]\nExecStart=/usr/bin/python3 /srv/x/manage.py runserver 0.0.0.0:8000\n",
        )],
        pass: &[File(
            "/etc/systemd/system/x.service",
            "[Service]\nExecStart=/usr/bin/gunicorn x.wsgi\n",
        )],
        unknown: &[
            File("/etc/systemd/system/x.service", ""),
            Denied("/etc/systemd/system/x.service"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for site in rows.take(facts.sites().as_ref().map_err(Clone::clone)).into_iter().flatten() {
        let production = !site.names.iter().any(|name| is_other(name));
        for (target, place) in &site.upstreams {
            let host = target
                .split("://")
                .nth(1)
                .unwrap_or(target)
                .split(['/', ':'])
                .next()
                .unwrap_or_default();
            if production && is_other(host) && host != "localhost" {
                rows.fail(
                    format!(
                        "the production site {} hands requests to another environment: {target}",
                        site.name()
                    ),
                    Evidence::at(place, target),
                );
            } else {
                rows.looked(Evidence::at(place, target));
            }
        }
    }
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    for unit in units.iter().filter(|unit| unit.is_local()) {
        for command in unit.commands() {
            let text = &command.value;
            let server = [
                "manage.py runserver",
                "flask run",
                "npm run dev",
                "yarn dev",
                "vite",
                "webpack serve",
                "webpack-dev-server",
                "php -S",
                "rails server",
                "rails s ",
                "ng serve",
                "next dev",
                "nodemon",
                "npm run serve",
                "artisan serve",
                "python -m http.server",
                "python3 -m http.server",
                "SimpleHTTPServer",
                "hugo server",
                "jekyll serve",
                "--reload",
                "cargo watch",
                "mvn spring-boot:run",
                "symfony serve",
            ]
            .iter()
            .find(|name| text.contains(*name));
            match server {
                Some(name) if !(text.contains("rails s") && text.contains("production")) => rows
                    .fail(
                        format!("the unit {} runs a development server: {name}", unit.name),
                        Evidence::at(&command.place, text),
                    ),
                _ => rows.looked(Evidence::at(&command.place, text)),
            }
        }
    }
}
