//! Who stands before the backend in the detection bench: Burgrave as it ships, Burgrave with the rule
//! set alone, and nginx with libmodsecurity; each with the same rules, at paranoia 1.

use super::wire::Backend;
use crate::crs::Crs;
use crate::process::{self, Running};
use anyhow::Result;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// One of them, running.
pub(super) struct Defender {
    /// For the table.
    pub(super) name: &'static str,
    /// Where it listens.
    pub(super) address: SocketAddr,
    _process: Running,
}

/// Starts all three.
pub(super) fn start(crs: &Crs, backend: &Backend, scratch: &Path) -> Result<Vec<Defender>> {
    let alone = "decode = false\nprofile = \"none\"\nextra = false\n";
    Ok(vec![
        burgrave("burgrave", "", crs, backend, &scratch.join("burgrave"))?,
        burgrave("rules alone", alone, crs, backend, &scratch.join("alone"))?,
        nginx(crs, backend, &scratch.join("nginx"))?,
    ])
}

fn free() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn burgrave(
    name: &'static str,
    keys: &str,
    crs: &Crs,
    backend: &Backend,
    folder: &Path,
) -> Result<Defender> {
    std::fs::create_dir_all(folder)?;
    let address = free()?;
    let config = folder.join("burgrave.toml");
    let text = format!(
        "state = \"{state}\"\n[[listen]]\naddress = \"{address}\"\n[rules]\ninclude = {}\n{keys}\
         [log]\naccess = \"{state}/access.ndjson\"\n\
         [[site]]\nhosts = [\"*\"]\n[[site.route]]\npath = \"/\"\nupstream = [\"http://{}\"]\n",
        crs.toml(),
        backend.address,
        state = folder.display()
    );
    std::fs::write(&config, text)?;
    let mut command = Command::new(process::root().join("target/release/burgrave"));
    command.arg("run").arg("--config").arg(&config);
    let running = Running::start(&mut command, "ready", Duration::from_secs(30))?;
    Ok(Defender { name, address, _process: running })
}

/// Which bodies are read how is the set-up's to say there, as the module's recommended one does.
const NGINX_RULES: &str = "SecRuleEngine On\nSecRequestBodyAccess On\nSecRequestBodyLimit 13107200\n\
    SecRequestBodyNoFilesLimit 1048576\n\
    SecRule REQUEST_HEADERS:Content-Type \"@rx ^(?:application|text)/(?:[a-z.+-]+\\+)?xml\" \
    \"id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML\"\n\
    SecRule REQUEST_HEADERS:Content-Type \"@rx ^application/(?:[a-z.+-]+\\+)?json\" \
    \"id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON\"\n";

fn nginx(crs: &Crs, backend: &Backend, folder: &Path) -> Result<Defender> {
    std::fs::create_dir_all(folder)?;
    let address = free()?;
    let [setup, rules] = &crs.include;
    let text = format!("{NGINX_RULES}Include {}\nInclude {}\n", setup.display(), rules.display());
    std::fs::write(folder.join("rules.conf"), text)?;
    let config = folder.join("nginx.conf");
    let text = format!(
        "load_module modules/ngx_http_modsecurity_module.so;\nworker_processes 1;\ndaemon off;\n\
         master_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\nhttp {{\n  access_log off;\n  client_max_body_size 20m;\n  \
         client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n  \
         fastcgi_temp_path {folder}/f;\n  uwsgi_temp_path {folder}/u;\n  scgi_temp_path {folder}/s;\n  \
         server {{\n    listen {address};\n    modsecurity on;\n    \
         modsecurity_rules_file {folder}/rules.conf;\n    \
         location / {{ proxy_pass http://{}; }}\n  }}\n}}\n",
        backend.address,
        folder = folder.display(),
    );
    std::fs::write(&config, text)?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&config).stdout(Stdio::null());
    let address_text = address.to_string();
    let running = Running::start_listening(&mut command, &address_text, Duration::from_secs(20))?;
    Ok(Defender { name: "nginx", address, _process: running })
}
