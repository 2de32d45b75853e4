//! `plywood serve`: a page, and the signalling with which any browser reaches this process.
//!
//! ```text
//!   browser                                   this process
//!     | GET /                 (page)               |
//!     | WebSocket /api/ws     offer, candidates -> | a peer connection a session
//!     |                    <- answer, candidates,  |
//!     |                       stages, states       |
//!     | or POST /api/offer    the whole offer   -> | the whole answer; GET /api/session/ID for the stages
//!     |                                            |
//!     |======== ICE, DTLS, SCTP, channels ========>|  echo, sink, source: by the channel's protocol
//! ```
//! The server answers to its own name only, and beyond loopback to holders of the token only: see [`guard`].

mod guard;
mod limits;
mod page;
mod session;
mod signalling;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use guard::Guard;
use limits::Limits;
use session::Sessions;

/// A description is 1 to 4 KiB; nothing larger is read.
const MAX_BODY_BYTES: usize = 64 << 10;

/// The page and its signalling, over plain HTTP.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen. Beyond loopback every visitor needs the token that is printed.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// A further name under which browsers may reach this server; repeatable.
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Print the address as one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// Serves until it is interrupted.
///
/// # Errors
/// No runtime, or a busy port.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    super::runtime()?.block_on(async { Server::bind(args.listen, &args.host).await?.run(!args.json).await })
}

/// What every request sees.
#[derive(Clone, Debug)]
struct App {
    guard: Arc<Guard>,
    limits: Arc<Limits>,
    sessions: Arc<Sessions>,
    has_route: bool,
}

/// A server that has its port.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
}

impl Server {
    /// Takes the port.
    ///
    /// # Errors
    /// In words: who has the port, and what to do.
    pub(crate) async fn bind(listen: SocketAddr, hosts: &[String]) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen).await.map_err(|error| explain(listen, &error))?;
        let address = listener.local_addr().context("the listening socket has no address")?;
        let guard = Guard::new(address, hosts)?;
        let app = App {
            guard: Arc::new(guard),
            limits: Arc::new(Limits::default()),
            sessions: Arc::new(Sessions::default()),
            has_route: has_route(),
        };
        Ok(Self { listener, address, app })
    }

    /// Serves until it is interrupted.
    ///
    /// # Errors
    /// The listening socket failed.
    pub(crate) async fn run(self, words: bool) -> anyhow::Result<()> {
        let url = self.app.guard.url(self.address);
        if words {
            say(&format!("\nOpen {url} in any browser; end with Ctrl-C."));
            if !self.app.has_route {
                say(
                    "This machine has no address but loopback: browsers gather nothing then, and cannot connect.",
                );
            }
        } else {
            say(&serde_json::json!({ "type": "listening", "url": url }).to_string());
        }
        axum::serve(self.listener, router(self.app)).await.context("the server ended")
    }
}

fn router(app: App) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/style.css", get(page::style))
        .route("/app.js", get(page::script))
        .route("/api/info", get(signalling::info))
        .route("/api/offer", post(signalling::offer))
        .route("/api/session/{id}", get(signalling::session))
        .route("/api/ws", get(signalling::websocket))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(app.clone(), guard::check))
        .with_state(app)
}

fn explain(listen: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "port {} of {} is in use by another program; take another with --listen {}:{}",
            listen.port(),
            listen.ip(),
            listen.ip(),
            listen.port().wrapping_add(1).max(1024),
        ),
        std::io::ErrorKind::AddrNotAvailable => {
            anyhow::anyhow!("{} is no address of this machine", listen.ip())
        }
        std::io::ErrorKind::PermissionDenied => {
            anyhow::anyhow!("port {} needs privileges; take one above 1023", listen.port())
        }
        _ => anyhow::anyhow!("cannot listen on {listen}: {error}"),
    }
}

/// Whether the machine has an address beyond loopback: without one browsers gather no candidate at all.
fn has_route() -> bool {
    local_addresses().iter().any(|ip| !ip.is_loopback())
}

/// The addresses of this machine's interfaces.
fn local_addresses() -> Vec<IpAddr> {
    if_addrs::get_if_addrs().unwrap_or_default().iter().map(if_addrs::Interface::ip).collect()
}

#[expect(clippy::print_stdout, reason = "where to go is what the command has to say")]
fn say(line: &str) {
    println!("{line}");
}
