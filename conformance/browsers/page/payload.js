// Generated payloads (docs/peer-contract.md): both ends make them from a number.

const BLOCK = 65536;

/** The block of a seed, laid out twice and more, so that any message is one slice of it. */
function stretch(seed, kind, size) {
  let x = (seed ^ 0x9e3779b9) >>> 0 || 1;
  const block = new Uint8Array(BLOCK);
  for (let at = 0; at < BLOCK; at += 1) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    const byte = x & 255;
    block[at] = kind === 'text' ? 0x20 + (byte % 95) : byte;
  }
  const copies = 1 + Math.ceil(size / BLOCK);
  const long = new Uint8Array(copies * BLOCK);
  for (let copy = 0; copy < copies; copy += 1) long.set(block, copy * BLOCK);
  return long;
}

/** The messages of one `send`, each as bytes and as what RTCDataChannel.send takes. */
export function* messages({ kind, size, count = 1, seed = 0, text, hex }) {
  if (text !== undefined) {
    yield { bytes: new TextEncoder().encode(text), data: text };
    return;
  }
  if (hex !== undefined) {
    const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
    yield { bytes, data: bytes };
    return;
  }
  const long = stretch(seed, kind, size);
  const string = kind === 'text' ? new TextDecoder('latin1').decode(long) : '';
  for (let index = 0; index < count; index += 1) {
    const at = (index * 7919) % BLOCK;
    const bytes = long.subarray(at, at + size);
    yield { bytes, data: kind === 'text' ? string.slice(at, at + size) : bytes };
  }
}
