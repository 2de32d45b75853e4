// The connection: commands of docs/peer-contract.md in, events out.

import { Channel } from './channel.js';

const OPTIONS = ['ordered', 'maxRetransmits', 'maxPacketLifeTime', 'protocol', 'negotiated', 'id'];

class Peer {
  #pc;
  #flags;
  #live = true;
  #channels = new Map();
  #remoteCount = 0;
  #lines = [];
  #early = [];
  #late = [];
  #described = false;
  #signalling = Promise.resolve();

  constructor(flags) {
    this.#flags = flags;
    const policy = flags['relay-only'] ? 'relay' : 'all';
    this.#pc = new RTCPeerConnection({ iceServers: flags.iceServers, iceTransportPolicy: policy });
    this.#pc.onicecandidate = ({ candidate }) => this.#candidate(candidate);
    this.#pc.onconnectionstatechange = () => this.#state(this.#pc.connectionState);
    this.#pc.ondatachannel = ({ channel }) => {
      this.#remoteCount += 1;
      this.#add(`r${this.#remoteCount}`, channel, true);
    };
    this.emit({ type: 'ready', impl: flags.impl });
  }

  /** Events leave in batches: one call across the process boundary for all of one turn. */
  emit(event) {
    if (!this.#live) return;
    this.#lines.push(JSON.stringify(event));
    if (this.#lines.length > 1) return;
    queueMicrotask(() => {
      const lines = this.#lines.splice(0);
      window.plywoodEmit(`${lines.join('\n')}\n`);
    });
  }

  retire() {
    this.#live = false;
    this.#pc.close();
  }

  #state(state) {
    if (state !== 'new') this.emit({ type: 'state', state });
  }

  #add(name, dc, remote) {
    const emit = (event) => this.emit(event);
    this.#channels.set(name, new Channel(name, dc, { emit, echo: Boolean(this.#flags.echo), remote }));
  }

  #candidate(candidate) {
    const end = candidate === null;
    if (!end && candidate.candidate === '') return; // the end of one generation, told again as null
    const event = end ? { type: 'end-of-candidates' } : { type: 'candidate', ...candidate.toJSON() };
    // The description goes first, whatever the browser says first.
    if (this.#described) this.emit(event);
    else this.#late.push(event);
  }

  #describe({ type, sdp }) {
    this.emit({ type, sdp });
    this.#described = true;
    for (const event of this.#late.splice(0)) this.emit(event);
  }

  /** Descriptions and candidates are applied one after the other. */
  #apply(where, action) {
    this.#signalling = this.#signalling.then(action).catch((error) => {
      this.emit({ type: 'error', where, message: String(error) });
    });
  }

  async #offer() {
    this.#described = false;
    await this.#pc.setLocalDescription();
    this.#describe(this.#pc.localDescription);
  }

  async #remote(description) {
    await this.#pc.setRemoteDescription(description);
    if (description.type === 'offer') {
      this.#described = false;
      await this.#pc.setLocalDescription();
      this.#describe(this.#pc.localDescription);
    }
    for (const candidate of this.#early.splice(0)) await this.#remoteCandidate(candidate);
  }

  async #remoteCandidate(candidate) {
    if (this.#pc.remoteDescription === null) {
      this.#early.push(candidate);
      return;
    }
    // What a browser cannot use it may refuse; that does not stop the others.
    await this.#pc.addIceCandidate(candidate).catch(() => {});
  }

  command(command) {
    const { type } = command;
    const channel = this.#channels.get(command.ch);
    switch (type) {
      case 'create-offer':
        for (const wanted of command.channels ?? []) this.#open(wanted);
        return this.#apply(type, () => this.#offer());
      case 'open-channel':
        return this.#open(command);
      case 'offer':
      case 'answer':
        return this.#apply(type, () => this.#remote({ type, sdp: command.sdp }));
      case 'candidate': {
        const { candidate, sdpMid = '0', sdpMLineIndex = 0, usernameFragment } = command;
        const init = { candidate, sdpMid, sdpMLineIndex, usernameFragment };
        return this.#apply(type, () => this.#remoteCandidate(init));
      }
      case 'end-of-candidates':
        return this.#apply(type, () => this.#remoteCandidate(undefined));
      case 'restart-ice':
        this.#pc.restartIce();
        return this.#apply(type, () => this.#offer());
      case 'stats':
        return this.#apply(type, () => this.#stats());
      case 'close':
        this.#pc.close();
        for (const each of this.#channels.values()) each.closed();
        return this.#state('closed');
      case 'send':
      case 'sink':
      case 'close-channel':
        if (channel === undefined) return this.emit({ type: 'error', where: type, message: `no channel ${command.ch}` });
        if (type === 'send') return channel.send(command);
        return type === 'sink' ? channel.sink(command) : channel.close();
      default:
        return this.emit({ type: 'error', where: String(type), message: 'unknown command' });
    }
  }

  #open(wanted) {
    const options = Object.fromEntries(OPTIONS.filter((name) => wanted[name] != null).map((name) => [name, wanted[name]]));
    try {
      this.#add(wanted.ch, this.#pc.createDataChannel(wanted.label ?? '', options), false);
    } catch (error) {
      this.emit({ type: 'error', where: 'open-channel', message: String(error) });
    }
  }

  async #stats() {
    const report = await this.#pc.getStats();
    const all = [...report.values()];
    const transport = all.find((entry) => entry.type === 'transport');
    const pair = report.get(transport?.selectedCandidatePairId)
      ?? all.find((entry) => entry.type === 'candidate-pair' && entry.selected)
      ?? all.find((entry) => entry.type === 'candidate-pair' && entry.nominated && entry.state === 'succeeded');
    const side = (id) => {
      const { candidateType, address, port, protocol } = report.get(id) ?? {};
      return { type: candidateType, address, port, protocol };
    };
    const dtls = { version: transport?.tlsVersion, cipher: transport?.dtlsCipher, role: transport?.dtlsRole };
    this.emit({ type: 'stats', local: side(pair?.localCandidateId), remote: side(pair?.remoteCandidateId), dtls });
  }
}

let peer;
window.plywood = {
  start(flags) {
    peer?.retire();
    peer = new Peer(flags);
  },
  command(command) {
    peer.command(command);
  },
};
