//! No files of the development lie in a web root.

use super::leftovers;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-development-files",
    safeguard: Safeguard::Cleanup,
    severity: Severity::Low,
    title: "no files of the development lie in a web root",
    why: "They name libraries with their versions, servers and steps of the build. An attacker \
              reads in them what to try.",
    remedy: "Deploy only what is served.",
    controls: &["ISO 8.4", "ASVS 13.4.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/composer.lock", "")],
        pass: &[File("/var/www/html/package.html", "")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    leftovers(facts, rows, "a file of the development can be fetched", |node, name| {
        let files = [
            "dockerfile",
            "docker-compose.yml",
            "docker-compose.yaml",
            "makefile",
            "vagrantfile",
            "jenkinsfile",
            ".gitlab-ci.yml",
            ".travis.yml",
            "composer.json",
            "composer.lock",
            "package.json",
            "package-lock.json",
            "yarn.lock",
            "pnpm-lock.yaml",
            "requirements.txt",
            "gemfile",
            "gemfile.lock",
            "pom.xml",
            "build.xml",
            "gruntfile.js",
            "gulpfile.js",
            "webpack.config.js",
            "tsconfig.json",
            "deploy.sh",
            "deploy.php",
            ".dockerignore",
            ".editorconfig",
            ".eslintrc",
            ".babelrc",
            "procfile",
            "bower.json",
            ".php_cs",
            "pipfile",
            "go.mod",
            "cargo.toml",
            ".htaccess.bak",
            "artisan",
        ];
        let folders = [
            ".idea",
            ".vscode",
            ".settings",
            ".github",
            ".circleci",
            "node_modules",
            "bower_components",
            ".sass-cache",
            "nbproject",
            ".vs",
            "__pycache__",
            ".history",
        ];
        let config = ["docker-compose.yml", "docker-compose.yaml", "deploy.sh", "deploy.php"]
            .contains(&name);
        (node.is_file()
            && (files.contains(&name) || name.ends_with(".map") && name.ends_with(".js.map"))
            || node.is_folder() && folders.contains(&name))
        .then_some(if config { Severity::Medium } else { Severity::Low })
    });
}
