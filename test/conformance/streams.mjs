// Reads compressed connections as JavaScript clients do: streams.mjs KIND IN OUT, files as in streams.py.

import { readFileSync, writeFileSync } from 'node:fs';
import zlib from 'node:zlib';
import { once } from 'node:events';
import { Decompress } from 'fzstd';

// Each returns a function that inflates one message.
const readers = {
  zlib_stream() {
    const inflate = zlib.createInflate({ flush: zlib.constants.Z_SYNC_FLUSH });
    return async (message) => {
      const parts = [];
      const read = (part) => parts.push(part);
      inflate.on('data', read);
      await new Promise((done, fail) => inflate.write(message, (error) => (error ? fail(error) : done())));
      while (inflate.readableLength > 0) await once(inflate, 'data');
      inflate.off('data', read);
      return Buffer.concat(parts);
    };
  },
  zstd_stream() {
    let parts = [];
    const decompress = new Decompress((part) => parts.push(Buffer.from(part)));
    return (message) => {
      parts = [];
      decompress.push(message);
      return Buffer.concat(parts);
    };
  },
};

const [kind, source, target] = process.argv.slice(2);
const input = readFileSync(source);
const output = [];
let at = 0;
const number = () => input.readUInt32BE((at += 4) - 4);
const put = (value) => output.push(Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]));

while (at < input.length) {
  const count = number();
  const read = readers[kind]();
  put(count);
  for (let i = 0; i < count; i++) {
    const length = number();
    const message = await read(input.subarray(at, (at += length)));
    put(message.length);
    output.push(message);
  }
}
writeFileSync(target, Buffer.concat(output));
