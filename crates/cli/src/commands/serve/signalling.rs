//! Descriptions and candidates over HTTP, and over a WebSocket where they may trickle.

use axum::Json;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use futures_util::{SinkExt as _, StreamExt as _};
use plywood::{IceCandidateInit, PeerConnection, SessionDescription};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::App;
use super::session::Session;

/// One message of the browser, in bytes.
const MAX_MESSAGE_BYTES: usize = 64 << 10;
/// Messages that one WebSocket may send: a description and its candidates are some dozens.
const MAX_MESSAGES: usize = 512;

/// What the page has to know before it begins.
pub(super) async fn info(State(app): State<App>) -> Response {
    Json(json!({ "version": env!("CARGO_PKG_VERSION"), "hasRoute": app.has_route })).into_response()
}

#[derive(Debug, Deserialize)]
pub(super) struct Offer {
    sdp: String,
}

/// A whole offer in, a whole answer out.
pub(super) async fn offer(
    State(app): State<App>,
    body: Result<Json<Offer>, axum::extract::rejection::JsonRejection>,
) -> Response {
    let Json(Offer { sdp }) = match body {
        Ok(body) => body,
        Err(rejection) => return refuse(rejection.status(), &rejection.body_text()),
    };
    let permit = match app.limits.admit().await {
        Ok(permit) => permit,
        Err(refused) => return refuse(StatusCode::TOO_MANY_REQUESTS, refused.words()),
    };
    let session = match app.sessions.start(permit).await {
        Ok(session) => session,
        Err(error) => return refuse(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")),
    };
    match answer(&session.connection, sdp).await {
        Ok(sdp) => Json(json!({ "type": "answer", "sdp": sdp, "session": session.id })).into_response(),
        Err(error) => {
            session.connection.close().await;
            refuse(StatusCode::UNPROCESSABLE_ENTITY, &format!("the offer cannot be used: {error}"))
        }
    }
}

/// What happened so far in a session that a POST began.
pub(super) async fn session(State(app): State<App>, Path(id): Path<String>) -> Response {
    match app.sessions.log(&id).await {
        Some(log) => Json(json!({ "log": log })).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "there is no such session, or it has ended"),
    }
}

/// The same with candidates as they are found, and with what happens as it happens.
pub(super) async fn websocket(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    let permit = match app.limits.admit().await {
        Ok(permit) => permit,
        Err(refused) => return refuse(StatusCode::TOO_MANY_REQUESTS, refused.words()),
    };
    upgrade.max_message_size(MAX_MESSAGE_BYTES).on_upgrade(|socket| converse(app, permit, socket))
}

fn refuse(status: StatusCode, words: &str) -> Response {
    (status, Json(json!({ "error": words }))).into_response()
}

async fn answer(connection: &PeerConnection, sdp: String) -> Result<String, plywood::Error> {
    connection.set_remote_description(SessionDescription::offer(sdp)).await?;
    connection.set_local_description(connection.create_answer().await?).await?;
    let whole = connection.local_description().await?;
    whole.map(|description| description.sdp).ok_or(plywood::Error::Closed)
}

async fn converse(app: App, permit: OwnedSemaphorePermit, socket: WebSocket) {
    let (mut out, mut incoming) = socket.split();
    let mut session = match app.sessions.start(permit).await {
        Ok(session) => session,
        Err(error) => {
            // The browser may be gone already.
            let _ = out.send(text(&json!({ "type": "error", "message": format!("{error:#}") }))).await;
            return;
        }
    };
    let (mut told, mut heard, mut answered) = (0, 0, false);
    loop {
        tokio::select! {
            message = incoming.next() => {
                heard += 1;
                let Some(Ok(message)) = message else { break };
                if heard > MAX_MESSAGES {
                    break;
                }
                let Message::Text(line) = message else { continue };
                let reply = hear(&session, &line).await;
                if let Some(reply) = reply {
                    answered |= reply["type"] == "answer";
                    if out.send(text(&reply)).await.is_err() {
                        break;
                    }
                }
            }
            // The answer goes before the candidates that follow it.
            changed = session.log.changed(), if answered => {
                let news: Vec<Value> = session.log.borrow_and_update().iter().skip(told).cloned().collect();
                told += news.len();
                for entry in &news {
                    if out.send(text(entry)).await.is_err() {
                        return;
                    }
                }
                if changed.is_err() {
                    break; // the session has ended, and everything about it is told
                }
            }
        }
    }
    // Without its socket a connection that stands goes on; one that never stood ends by itself.
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Heard {
    Offer {
        sdp: String,
    },
    #[serde(rename_all = "camelCase")]
    Candidate {
        candidate: String,
        #[serde(default)]
        sdp_mid: Option<String>,
        #[serde(default)]
        sdp_m_line_index: Option<u16>,
        #[serde(default)]
        username_fragment: Option<String>,
    },
    EndOfCandidates,
}

/// Carries out one message of the browser. Returns what to say to it.
async fn hear(session: &Session, line: &str) -> Option<Value> {
    let connection = &session.connection;
    let result = match serde_json::from_str(line) {
        Ok(Heard::Offer { sdp }) => {
            return Some(match answer_alone(connection, sdp).await {
                Ok(sdp) => json!({ "type": "answer", "sdp": sdp }),
                Err(error) => {
                    json!({ "type": "error", "message": format!("the offer cannot be used: {error}") })
                }
            });
        }
        Ok(Heard::Candidate { candidate, sdp_mid, sdp_m_line_index, username_fragment }) => {
            let init = IceCandidateInit { candidate, sdp_mid, sdp_m_line_index, username_fragment };
            connection.add_ice_candidate(init).await.map_err(|error| error.to_string())
        }
        Ok(Heard::EndOfCandidates) => {
            connection.add_ice_candidate("").await.map_err(|error| error.to_string())
        }
        Err(error) => Err(format!("not understood: {error}")),
    };
    result.err().map(|message| json!({ "type": "error", "message": message }))
}

/// The answer without candidates: they follow.
async fn answer_alone(connection: &PeerConnection, sdp: String) -> Result<String, plywood::Error> {
    connection.set_remote_description(SessionDescription::offer(sdp)).await?;
    let answer = connection.create_answer().await?;
    connection.set_local_description(answer.clone()).await?;
    Ok(answer.sdp)
}
