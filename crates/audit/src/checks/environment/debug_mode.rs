//! Applications run in production mode.

use super::{is_other, variables};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "environment-debug-mode",
    safeguard: Safeguard::Environments,
    severity: Severity::High,
    title: "applications run in production mode",
    why: "Debug modes show source, settings and stack traces to visitors, and some give them a \
              console. They are switched on to find an error and stay on.",
    remedy: "Set `APP_DEBUG=false`, `APP_ENV=production`, `NODE_ENV=production`, `FLASK_DEBUG=0` \
              and the like.",
    controls: &["PCI 6.5.5", "ISO 8.31", "ASVS 13.4.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/shop/.env", "APP_DEBUG=true\n")],
        pass: &[File(
            "/var/www/shop/.env",
            "# APP_DEBUG=true\nAPP_DEBUG=false\nAPP_ENV=production\n",
        )],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for (path, all) in variables(facts, rows) {
        let staging = path.to_str().is_some_and(is_other);
        for setting in &all {
            let key = setting.key.to_ascii_uppercase();
            let value = setting.value.to_ascii_lowercase();
            let debug = [
                "APP_DEBUG",
                "DEBUG",
                "FLASK_DEBUG",
                "DJANGO_DEBUG",
                "WP_DEBUG",
                "LARAVEL_DEBUG",
                "SYMFONY_DEBUG",
                "WERKZEUG_DEBUG_PIN",
                "ASPNETCORE_DETAILEDERRORS",
                "RAILS_DEBUG",
                "DEBUG_MODE",
                "ENABLE_DEBUG",
            ]
            .contains(&key.as_str())
                && crate::facts::is_yes(&value)
                || key == "WERKZEUG_DEBUG_PIN" && value == "off";
            let mode = [
                "APP_ENV",
                "NODE_ENV",
                "FLASK_ENV",
                "RAILS_ENV",
                "RACK_ENV",
                "ASPNETCORE_ENVIRONMENT",
                "DJANGO_ENV",
                "ENVIRONMENT",
                "SYMFONY_ENV",
                "CI_ENVIRONMENT",
                "MIX_ENV",
                "APPLICATION_ENV",
                "GIN_MODE",
                "SPRING_PROFILES_ACTIVE",
            ]
            .contains(&key.as_str())
                && ["development", "dev", "local", "debug", "test", "testing"]
                    .contains(&value.as_str());
            if (debug || mode) && !staging {
                rows.fail_as(
                    if debug { Severity::High } else { Severity::Medium },
                    format!(
                        "{} runs an application in development or debug mode: {}={}",
                        path.display(),
                        setting.key,
                        setting.value
                    ),
                    Evidence::at(&setting.place, format!("{}={}", setting.key, setting.value)),
                );
            } else {
                rows.looked(Evidence::at(&setting.place, &setting.key));
            }
        }
    }
}
