/** Runs one guest on v86, with its JIT or without. `options.folder` is where the npm package is installed. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { finish, readJob } from './job.js';
import { MarkerReader, ownTimes } from './markers.js';

/** What is used of it (v86.d.ts of the package). */
interface V86 {
  add_listener(event: 'serial0-output-byte', listener: (byte: number) => void): void;
  add_listener(event: 'emulator-ready', listener: () => void): void;
  read_memory(address: number, length: number): Uint8Array;
  write_memory(bytes: Uint8Array, address: number): void;
  run(): Promise<void>;
}
interface V86Class {
  new (options: Readonly<Record<string, unknown>>): V86;
}

// v86 logs to the console; stdout is for the result.
console.log = console.error;

const job = readJob();
const main = createRequire(join(String(job.options.folder), 'package.json')).resolve('v86');
const { V86 } = (await import(pathToFileURL(main).href)) as { V86: V86Class };
const image = readFileSync(job.image);
const reader = new MarkerReader(ownTimes);
const emulator = new V86({
  wasm_path: join(dirname(main), 'v86.wasm'),
  multiboot: { buffer: image.buffer.slice(image.byteOffset, image.byteOffset + image.length) },
  cmdline: `${job.imageName} ${job.cmdline}`.trim(),
  memory_size: job.memoryMiB << 20,
  vga_memory_size: 2 << 20,
  autostart: false,
  log_level: 0,
  disable_speaker: true,
  disable_jit: job.options.jit === true ? 0 : 1,
});
/**
 * v86 tells a Multiboot kernel its memory by a map alone. The guests look at mem_upper (Multiboot Specification 0.6.96, 3.3,
 * "Boot information format"), so it is filled in.
 */
const INFORMATION = 0x7c00; // where this v86 puts it
const HAS_MEMORY = 1 << 0;
const HAS_MAP = 1 << 6;

function addMemorySize(): void {
  const information = new Uint32Array(emulator.read_memory(INFORMATION, 12).slice().buffer);
  const [flags = 0] = information;
  if ((flags & HAS_MAP) === 0 || flags >= 1 << 13) return; // something else lies there
  information.set([flags | HAS_MEMORY, 640, (job.memoryMiB - 1) * 1024]);
  emulator.write_memory(new Uint8Array(information.buffer), INFORMATION);
}

// A write to port 0xF4 ends the guest: v86 throws.
process.on('uncaughtException', (error: unknown) => {
  if (error === 'HALT') finish({ marks: reader.marks, end: reader.panic ?? 'the guest wrote to port 0xF4' });
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`, () => process.exit(1));
});
emulator.add_listener('emulator-ready', () => {
  addMemorySize();
  void emulator.run();
});
emulator.add_listener('serial0-output-byte', (byte) => {
  if (!reader.feed(byte)) return;
  if (reader.done || (job.checksums > 0 && reader.marks.length >= job.checksums)) {
    finish({ marks: reader.marks, end: reader.panic ?? 'all checksums were printed' });
  }
});
