// One data channel: its commands in order, its events.

import { messages } from './payload.js';
import { Sha256, sha256 } from './sha256.js';

const HIGH_WATER = 1 << 20;
const LOW_WATER = 1 << 18;

const utf8 = new TextEncoder();
const bytesOf = (data) => (typeof data === 'string' ? utf8.encode(data) : new Uint8Array(data));

export class Channel {
  #name;
  #dc;
  #emit;
  #echo;
  #opened = false;
  #closed = false;
  #sink;
  #queue = Promise.resolve();

  constructor(name, dc, { emit, echo, remote }) {
    this.#name = name;
    this.#dc = dc;
    this.#emit = emit;
    this.#echo = echo;
    dc.binaryType = 'arraybuffer';
    dc.bufferedAmountLowThreshold = LOW_WATER;
    dc.onopen = () => this.#open(remote);
    dc.onclose = () => this.closed();
    dc.onerror = (event) => emit({ type: 'channel-error', ch: name, message: String(event.error ?? '') });
    dc.onmessage = (event) => this.#message(event.data);
    if (dc.readyState === 'open') this.#open(remote);
  }

  #open(remote) {
    if (this.#opened) return;
    this.#opened = true;
    const { id, label, protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated } = this.#dc;
    this.#emit({
      type: 'open', ch: this.#name, id, label, protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, remote,
    });
  }

  #message(data) {
    const bytes = bytesOf(data);
    const kind = typeof data === 'string' ? 'text' : 'binary';
    if (this.#sink) {
      this.#fill(bytes);
    } else {
      const sum = sha256(bytes);
      this.#emit({ type: 'message', ch: this.#name, id: this.#dc.id, kind, len: bytes.length, sha256: sum });
    }
    if (this.#echo) this.#enqueue('echo', () => this.#give(data));
  }

  #fill(bytes) {
    const sink = this.#sink;
    sink.hash.update(bytes);
    sink.bytes += bytes.length;
    sink.count += 1;
    if (sink.count === sink.wanted) {
      this.#sink = undefined;
      const { count, bytes: total } = sink;
      this.#emit({ type: 'sink-done', ch: this.#name, count, bytes: total, sha256: sink.hash.hex() });
    }
  }

  /** Commands on one channel are carried out in order. */
  #enqueue(where, action) {
    this.#queue = this.#queue.then(action).catch((error) => {
      if (!this.#closed) this.#emit({ type: 'error', where, message: `${this.#name}: ${error.message}` });
    });
  }

  sink({ count }) {
    this.#sink = { wanted: count, count: 0, bytes: 0, hash: new Sha256() };
    this.#emit({ type: 'sink-ready', ch: this.#name });
  }

  send(command) {
    this.#enqueue('send', async () => {
      await this.#until('open', () => this.#dc.readyState !== 'connecting');
      const hash = new Sha256();
      let bytes = 0;
      let count = 0;
      for (const message of messages(command)) {
        await this.#give(message.data);
        hash.update(message.bytes);
        bytes += message.bytes.length;
        count += 1;
      }
      this.#emit({ type: 'sent', ch: this.#name, count, bytes, sha256: hash.hex() });
    });
  }

  /** Hands one message over as soon as the buffer has drained. */
  async #give(data) {
    await this.#until('bufferedamountlow', () => this.#dc.bufferedAmount < HIGH_WATER);
    this.#dc.send(data);
  }

  async #until(event, holds) {
    while (!holds()) {
      await new Promise((resolve) => {
        this.#dc.addEventListener(event, resolve, { once: true });
        this.#dc.addEventListener('close', resolve, { once: true });
      });
      if (this.#dc.readyState === 'closed') throw new Error('the channel is closed');
    }
  }

  close() {
    this.#enqueue('close-channel', () => this.#dc.close());
  }

  closed() {
    if (this.#closed) return;
    this.#closed = true;
    this.#emit({ type: 'channel-closed', ch: this.#name, id: this.#dc.id });
  }
}
