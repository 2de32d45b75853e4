// The browser's end: one RTCPeerConnection, its signalling, its channels. No library, nothing fetched from elsewhere.

const $ = (id) => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token");
const MESSAGE_BYTES = 65536;
const HIGH_WATER = 4 << 20;

let pc = null; // the connection, if any
let socket = null; // its WebSocket, while candidates trickle
let started = 0; // performance.now() at Connect
let channelCount = 0;
let statsTimer = 0;

// ---- words ------------------------------------------------------------------------------------------------

function alertWords(words) {
  const box = document.createElement("p");
  box.className = "alert";
  const text = document.createElement("span");
  text.textContent = words;
  const dismiss = document.createElement("button");
  dismiss.type = "button";
  dismiss.textContent = "✕";
  dismiss.setAttribute("aria-label", "dismiss");
  dismiss.onclick = () => box.remove();
  box.append(text, dismiss);
  $("alerts").replaceChildren(...[...$("alerts").children].slice(-3), box);
}

const STATE_WORDS = {
  new: "not connected", connecting: "connecting", connected: "connected",
  disconnected: "the path stopped answering", failed: "failed", closed: "closed",
};

function showState(state) {
  $("state").dataset.state = state;
  $("state").textContent = STATE_WORDS[state] ?? state;
  const open = state === "connected";
  for (const id of ["open-button", "s-up", "s-down"]) $(id).disabled = !open;
  $("disconnect").disabled = pc === null;
  $("connect").disabled = pc !== null;
}

function mark(lane, name, ms, note = "", bad = false) {
  const list = $(`timeline-${lane}`);
  list.querySelectorAll(".empty").forEach((item) => item.remove());
  const item = document.createElement("li");
  if (bad) item.className = "bad";
  const what = document.createElement("span");
  what.textContent = name;
  const when = document.createElement("span");
  when.className = "ms";
  when.textContent = `${ms.toFixed(1)} ms${note ? ` · ${note}` : ""}`;
  item.append(what, when);
  list.append(item);
}

const reached = new Set();
function markOnce(name) {
  if (!reached.has(name)) {
    reached.add(name);
    mark("browser", name, performance.now() - started);
  }
}

// ---- connecting -------------------------------------------------------------------------------------------

async function connect() {
  teardown();
  $("alerts").replaceChildren();
  for (const lane of ["browser", "process"]) $(`timeline-${lane}`).replaceChildren();
  reached.clear();
  started = performance.now();
  if (!("RTCPeerConnection" in window)) {
    alertWords("This browser has no WebRTC, or it is switched off.");
    return;
  }
  pc = new RTCPeerConnection();
  watch(pc);
  showState("connecting");
  openChannel({ label: "chat", ordered: true });
  try {
    await pc.setLocalDescription(await pc.createOffer());
    mark("browser", "offer made", performance.now() - started);
    await ($("trickle").checked ? trickle() : wholeOffer());
  } catch (error) {
    fail(`Signalling failed: ${error.message}`);
  }
}

function watch(connection) {
  let gathered = 0;
  connection.onicecandidate = ({ candidate }) => {
    if (candidate && candidate.candidate) {
      gathered += 1;
      say({ type: "candidate", candidate: candidate.candidate, sdpMid: candidate.sdpMid,
        sdpMLineIndex: candidate.sdpMLineIndex, usernameFragment: candidate.usernameFragment });
    }
  };
  connection.onicegatheringstatechange = () => {
    if (connection.iceGatheringState !== "complete") return;
    markOnce("gathered");
    say({ type: "end-of-candidates" });
    if (gathered === 0) {
      alertWords("This browser found no address to connect from: that is how browsers behave on a machine " +
        "without a default route (no network but loopback). Connect the machine to a network, and try again.");
    }
  };
  connection.oniceconnectionstatechange = () => {
    if (["connected", "completed"].includes(connection.iceConnectionState)) markOnce("pair selected");
  };
  connection.onconnectionstatechange = () => {
    showState(connection.connectionState);
    if (connection.connectionState === "connected") startStats();
    if (connection.connectionState === "failed") {
      mark("browser", "failed", performance.now() - started, "", true);
      fail("The connection failed: no pair of addresses answers, or the other side is not who it said it was.");
    }
  };
  connection.ondatachannel = ({ channel }) => addChannel(channel);
  watchTransports(connection);
}

// DTLS and SCTP have objects of their own in the browser; they appear once the answer is there.
function watchTransports(connection) {
  const sctp = connection.sctp;
  if (!sctp || connection.signalingState === "have-local-offer") {
    connection.addEventListener("signalingstatechange", () => watchTransports(connection), { once: true });
    return;
  }
  const look = () => {
    if (sctp.transport?.state === "connected") markOnce("DTLS done");
    if (sctp.state === "connected") markOnce("SCTP up");
  };
  sctp.transport?.addEventListener("statechange", look);
  sctp.addEventListener("statechange", look);
  look();
}

function say(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function trickle() {
  const query = token ? `?token=${encodeURIComponent(token)}` : "";
  const connection = pc;
  return new Promise((resolve, reject) => {
    socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/ws${query}`);
    socket.onopen = () => {
      say({ type: "offer", sdp: connection.localDescription.sdp });
      if (connection.iceGatheringState === "complete") say({ type: "end-of-candidates" });
      resolve();
    };
    socket.onerror = () => reject(new Error("the server refused the WebSocket; is the token right?"));
    socket.onmessage = ({ data }) => hear(JSON.parse(data)).catch((error) => alertWords(error.message));
  });
}

async function hear(message) {
  if (!pc) return;
  switch (message.type) {
    case "answer":
      await pc.setRemoteDescription({ type: "answer", sdp: message.sdp });
      mark("browser", "answer applied", performance.now() - started);
      break;
    case "candidate":
      await pc.addIceCandidate({ candidate: message.candidate, sdpMid: message.sdpMid,
        sdpMLineIndex: message.sdpMLineIndex, usernameFragment: message.usernameFragment });
      break;
    case "stage":
      mark("process", message.name, message.ms, `${message.packets} packets`);
      break;
    case "state":
      if (message.reason) mark("process", message.state, performance.now() - started, message.reason, true);
      break;
    case "error":
      alertWords(`The process says: ${message.message}`);
      break;
    default: // candidates' end, paths, channels: nothing to show
  }
}

async function wholeOffer() {
  const connection = pc;
  if (connection.iceGatheringState !== "complete") {
    await new Promise((resolve) => {
      connection.addEventListener("icegatheringstatechange", () => {
        if (connection.iceGatheringState === "complete") resolve();
      });
    });
  }
  const response = await api("/api/offer", { sdp: connection.localDescription.sdp });
  await connection.setRemoteDescription({ type: "answer", sdp: response.sdp });
  mark("browser", "answer applied", performance.now() - started);
  let seen = 0;
  const look = async () => {
    if (pc !== connection) return;
    const { log } = await api(`/api/session/${response.session}`);
    for (const entry of log.slice(seen)) if (["stage", "state", "error"].includes(entry.type)) await hear(entry);
    seen = log.length;
    setTimeout(() => look().catch(() => {}), 400);
  };
  look().catch(() => {});
}

async function api(path, body) {
  const headers = token ? { "x-plywood-token": token } : {};
  if (body) headers["content-type"] = "application/json";
  const response = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) {
    let words = text;
    try { words = JSON.parse(text).error ?? text; } catch { /* not JSON: the text itself */ }
    throw new Error(words || `status ${response.status}`);
  }
  return JSON.parse(text);
}

function fail(words) {
  alertWords(words);
  teardown();
  showState("failed");
}

function teardown() {
  clearInterval(statsTimer);
  socket?.close();
  pc?.close();
  [socket, pc] = [null, null];
  document.querySelectorAll(".channel:not(.closed)").forEach((card) => card.classList.add("closed"));
  showState("closed");
}

// ---- facts ------------------------------------------------------------------------------------------------

function startStats() {
  $("facts").hidden = false;
  clearInterval(statsTimer);
  const look = async () => {
    if (!pc) return;
    const stats = await pc.getStats();
    let transport, pair;
    stats.forEach((entry) => { if (entry.type === "transport") transport = entry; });
    stats.forEach((entry) => {
      if (entry.type === "candidate-pair" && (entry.id === transport?.selectedCandidatePairId || entry.selected)) pair = entry;
    });
    const end = (id) => {
      const candidate = stats.get(id);
      return candidate ? `${candidate.address || "hidden"}:${candidate.port} ${candidate.candidateType}` : "-";
    };
    if (pair) {
      $("fact-local").textContent = end(pair.localCandidateId);
      $("fact-remote").textContent = end(pair.remoteCandidateId);
      $("fact-rtt").textContent = pair.currentRoundTripTime === undefined ? "-" : `${(pair.currentRoundTripTime * 1000).toFixed(1)} ms`;
    }
    const version = { FEFD: "1.2", FEFC: "1.3" }[transport?.tlsVersion] ?? transport?.tlsVersion;
    $("fact-dtls").textContent = transport?.dtlsCipher ? `${version ?? ""} ${transport.dtlsCipher}` : "-";
  };
  look().catch(() => {});
  statsTimer = setInterval(() => look().catch(() => {}), 2000);
}

// ---- channels ---------------------------------------------------------------------------------------------

function openChannel({ label, ...options }) {
  try {
    addChannel(pc.createDataChannel(label, options));
  } catch (error) {
    alertWords(`The channel could not be made: ${error.message}`);
  }
}

function describe(channel) {
  const parts = [channel.ordered ? "ordered" : "unordered"];
  if (channel.maxRetransmits !== null) parts.push(`${channel.maxRetransmits} repetitions`);
  else if (channel.maxPacketLifeTime !== null) parts.push(`${channel.maxPacketLifeTime} ms`);
  else parts.push("reliable");
  return parts.join(" · ");
}

function addChannel(channel) {
  channelCount += 1;
  const card = document.createElement("article");
  card.className = "channel";
  const head = document.createElement("header");
  const title = document.createElement("h3");
  title.textContent = channel.label || "(no label)";
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  close.onclick = () => channel.close();
  head.append(title, close);
  const tags = document.createElement("div");
  tags.className = "tags";
  tags.textContent = `${describe(channel)} · connecting`;
  const log = document.createElement("ol");
  log.setAttribute("aria-label", `messages of ${channel.label}`);
  log.tabIndex = 0;
  const form = document.createElement("form");
  const input = document.createElement("input");
  input.setAttribute("aria-label", `text to send on ${channel.label}`);
  input.value = `hello ${channelCount}`;
  const send = document.createElement("button");
  send.textContent = "Send";
  send.disabled = true;
  form.append(input, send);
  card.append(head, tags, log, form);
  $("channels").prepend(card);

  const note = (kind, text) => {
    const item = document.createElement("li");
    item.className = kind;
    item.textContent = text;
    log.append(item);
    while (log.children.length > 200) log.firstChild.remove();
    log.scrollTop = log.scrollHeight;
  };
  const sent = [];
  channel.binaryType = "arraybuffer";
  channel.onopen = () => {
    markOnce("channel open");
    tags.textContent = `${describe(channel)} · stream ${channel.id}`;
    send.disabled = false;
  };
  channel.onmessage = ({ data }) => {
    const since = sent.length ? ` (${(performance.now() - sent.shift()).toFixed(1)} ms)` : "";
    note("in", typeof data === "string" ? `← ${data}${since}` : `← ${data.byteLength} bytes${since}`);
  };
  channel.onerror = ({ error }) => note("note", `error: ${error?.message ?? "unknown"}`);
  channel.onclose = () => {
    send.disabled = close.disabled = true;
    card.classList.add("closed");
    note("note", "closed");
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    try {
      channel.send(input.value);
      sent.push(performance.now());
      note("out", `→ ${input.value}`);
    } catch (error) {
      note("note", error.message);
    }
  };
}

$("open").onsubmit = (event) => {
  event.preventDefault();
  const options = { label: $("c-label").value, ordered: $("c-ordered").checked };
  const limit = Math.max(0, Math.min(65535, Number($("c-limit").value) || 0));
  if ($("c-reliability").value === "retransmits") options.maxRetransmits = limit;
  if ($("c-reliability").value === "lifetime") options.maxPacketLifeTime = limit;
  openChannel(options);
};
$("c-reliability").onchange = ({ target }) => {
  $("c-limit-label").hidden = target.value === "reliable";
  $("c-limit-label").querySelector("span").textContent =
    target.value === "lifetime" ? "Lifetime in ms" : "Repetitions";
};

// ---- throughput -------------------------------------------------------------------------------------------

const graph = { points: [], peak: 1 };

function drawGraph() {
  const canvas = $("s-graph");
  const ctx = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  ctx.clearRect(0, 0, canvas.width, canvas.height);
  if (graph.points.length < 2) return;
  const step = canvas.width / (graph.points.length - 1);
  ctx.beginPath();
  graph.points.forEach((rate, i) => ctx.lineTo(i * step, canvas.height - 6 - (rate / graph.peak) * (canvas.height - 12)));
  ctx.strokeStyle = style.getPropertyValue("--accent");
  ctx.lineWidth = 3;
  ctx.lineJoin = "round";
  ctx.stroke();
}

function meter(total) {
  const begun = performance.now();
  let [lastTime, lastBytes] = [begun, 0];
  graph.points = [];
  graph.peak = 1;
  $("s-progress").value = 0;
  return {
    update(bytes) {
      const now = performance.now();
      $("s-progress").value = bytes / total;
      if (now - lastTime < 100) return;
      const rate = ((bytes - lastBytes) * 8) / (now - lastTime) / 1000;
      graph.points.push(rate);
      graph.peak = Math.max(graph.peak, rate);
      $("s-rate").textContent = rate.toFixed(0);
      [lastTime, lastBytes] = [now, bytes];
      drawGraph();
    },
    done(words) {
      const ms = performance.now() - begun;
      const rate = (total * 8) / ms / 1000;
      $("s-progress").value = 1;
      $("s-rate").textContent = rate.toFixed(0);
      $("s-words").textContent = `${words}: ${(total / 1048576).toFixed(0)} MiB in ${(ms / 1000).toFixed(2)} s, ${rate.toFixed(1)} Mbit/s on average.`;
    },
  };
}

async function transfer(protocol, run) {
  const buttons = [$("s-up"), $("s-down")];
  buttons.forEach((button) => { button.disabled = true; });
  $("s-words").textContent = "Running…";
  const channel = pc.createDataChannel("throughput", { protocol });
  channel.binaryType = "arraybuffer";
  try {
    await new Promise((resolve, reject) => {
      channel.onopen = resolve;
      channel.onclose = () => reject(new Error("the channel closed"));
    });
    await run(channel, Number($("s-size").value));
  } catch (error) {
    $("s-words").textContent = "Stopped.";
    alertWords(`The transfer stopped: ${error.message}`);
  } finally {
    channel.close();
    buttons.forEach((button) => { button.disabled = pc?.connectionState !== "connected"; });
  }
}

async function upload(channel, total) {
  const block = new Uint8Array(MESSAGE_BYTES).fill(0xa5);
  const gauge = meter(total);
  channel.bufferedAmountLowThreshold = HIGH_WATER / 2;
  const finished = new Promise((resolve, reject) => {
    channel.onmessage = ({ data }) => {
      const report = JSON.parse(data);
      gauge.update(report.bytes);
      if (report.done) resolve();
    };
    channel.onclose = () => reject(new Error("the channel closed"));
  });
  finished.catch(() => {}); // it is awaited below; until then nobody listens
  for (let sent = 0; sent < total; sent += block.length) {
    if (channel.bufferedAmount > HIGH_WATER) {
      await Promise.race([finished, new Promise((resolve) => { channel.onbufferedamountlow = resolve; })]);
    }
    channel.send(block);
  }
  channel.send("done?");
  await finished;
  gauge.done("From the browser to the process");
}

function download(channel, total) {
  const gauge = meter(total);
  let received = 0;
  return new Promise((resolve, reject) => {
    channel.onclose = () => reject(new Error("the channel closed"));
    channel.onmessage = ({ data }) => {
      if (typeof data !== "string") {
        received += data.byteLength;
        gauge.update(received);
        return;
      }
      const words = JSON.parse(data);
      if (words.error) reject(new Error(words.error));
      else {
        gauge.done("From the process to the browser");
        resolve();
      }
    };
    channel.send(JSON.stringify({ bytes: total }));
  });
}

$("s-up").onclick = () => transfer("plywood.sink", upload);
$("s-down").onclick = () => transfer("plywood.source", download);
$("connect").onclick = connect;
$("disconnect").onclick = teardown;
showState("new");

api("/api/info").then((info) => {
  if (!info.hasRoute) {
    alertWords("The machine of this server has no address but loopback. Browsers gather no candidate there, so Connect cannot succeed: give it a default route.");
  }
}).catch((error) => alertWords(`The server does not answer as expected: ${error.message}`));
