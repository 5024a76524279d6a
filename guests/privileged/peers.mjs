/**
 * The privileged guest on other emulators, and how a trace of theirs compares with expected.txt.
 *
 *   traces/<peer>.txt   what the peer prints, a line for each experiment
 *   departures.json     peer → { version, cpu, flag?, departures: [{ why, clause, lines: experiments }] }
 *
 * `flag`: EFLAGS bits that the peer gets wrong everywhere, with why and clause; they are masked in the comparison.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
export const image = join(here, '../images/privileged.elf');
export const expectedPath = join(here, 'expected.txt');
export const departuresPath = join(here, 'departures.json');
/** What is recorded of the peers; their processors are without what Ringfence's lacks. */
export const departures = JSON.parse(readFileSync(departuresPath, 'utf8'));
const POWEROFF = 33; // isa-debug-exit: value << 1 | 1

/** Where the recorded trace of a peer lies. */
export const tracePath = (peer) => join(here, 'traces', `${peer}.txt`);

/** The lines of a trace that stand for experiments, to be recorded. */
export const recordable = (text) =>
  text
    .replaceAll('\r', '')
    .split('\n')
    .filter((line) => line.includes(' -- '))
    .map((line) => `${line}\n`)
    .join('');

/** "0078 ds = absent data -- 0b(98) …" → experiments by "0078 ds = absent data". */
export function parse(text) {
  const lines = recordable(text).split('\n').slice(0, -1);
  return new Map(lines.map((line) => [line.split(' -- ')[0], line.split(' -- ')[1]]));
}

/** The same trace with some EFLAGS bits masked. */
export const masked = (events, bits) =>
  events.replace(/\bfl=([0-9a-f]+)/g, (_, flags) => `fl=${(Number.parseInt(flags, 16) & ~bits).toString(16)}`);

/** Experiments in which `trace` differs from `expected` → what it has instead. */
export function differences(expected, trace, bits = 0) {
  const found = new Map();
  for (const [name, events] of expected) {
    const other = trace.get(name) ?? 'left out';
    if (masked(other, bits) !== masked(events, bits)) found.set(name, other);
  }
  return found;
}

/** The first line of what a program says of its version, or '' if it is not there. */
function version(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return status === null ? '' : `${stdout}${stderr}`;
}

// ── QEMU ────────────────────────────────────────────────────────────────────
/** "7.2", or '' if QEMU is not installed. */
export const qemuVersion = () => /version (\d+\.\d+)/.exec(version('qemu-system-i386', ['--version']))?.[1] ?? '';

/** The guest's trace on QEMU, without the experiments that QEMU does not survive. */
export function runQemu() {
  const machine = [
    '-kernel',
    image,
    '-append',
    'privileged harsh=0 console=e9',
    '-m',
    '4',
    '-cpu',
    departures.qemu.cpu,
  ];
  const devices = '-device isa-debug-exit,iobase=0xf4 -serial none -debugcon stdio -display none -no-reboot'.split(' ');
  const { status, stdout } = spawnSync('qemu-system-i386', [...machine, ...devices], {
    encoding: 'latin1',
    timeout: 60_000,
    maxBuffer: 1 << 26,
    killSignal: 'SIGKILL',
  });
  if (status !== POWEROFF) throw new Error(`QEMU ended with status ${status}`);
  return stdout;
}

// ── Bochs ───────────────────────────────────────────────────────────────────
/** "2.7", or '' if Bochs or the compiler for its ROM is not installed. */
export function bochsVersion() {
  if (!version('gcc', ['--version'])) return '';
  return /Emulator (\d+\.\d+)/.exec(version('bochs', ['--help', 'cpu']))?.[1] ?? '';
}

/** A 512 KiB ROM: the image as it lies in memory, then bochs-rom.S. */
function writeRom(folder) {
  const run = (command, ...args) => execFileSync(command, args, { cwd: folder, stdio: 'pipe' });
  run('objcopy', '-O', 'binary', image, 'image.bin');
  const entry = readFileSync(image).readUInt32LE(24);
  run('gcc', '-m32', `-DENTRY=${entry}`, '-c', join(here, 'bochs-rom.S'), '-o', 'rom.o');
  run('ld', '-m', 'elf_i386', '-Ttext=0', '-e', '0', '--oformat', 'binary', '-o', 'boot.bin', 'rom.o');
  const rom = Buffer.alloc(0x80000);
  const flat = readFileSync(join(folder, 'image.bin'));
  if (flat.length > 0x70000) throw new Error('the image is too large for the ROM');
  rom.set(flat);
  rom.set(readFileSync(join(folder, 'boot.bin')).subarray(0, 0x10000), 0x70000);
  writeFileSync(join(folder, 'rom.bin'), rom);
}

/** The guest's trace on Bochs, which takes seconds; `seconds`: when to give up. */
export async function runBochs(seconds = 300) {
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-bochs-'));
  try {
    writeRom(folder);
    writeFileSync(join(folder, 'vga.bin'), Buffer.alloc(0x800)); // never run, but it must be there
    const out = join(folder, 'out.txt');
    const settings = [
      'config_interface: textconfig',
      'display_library: rfb, options="timeout=0"',
      `romimage: file=${folder}/rom.bin, address=0xfff80000`,
      `vgaromimage: file=${folder}/vga.bin`,
      'sound: waveoutdrv=dummy, waveout=none', // the other drivers' mixer overflows a buffer where there is no sound card
      'megs: 32',
      `cpu: model=${departures.bochs.cpu}, ips=50000000, reset_on_triple_fault=0`,
      `com1: enabled=1, mode=file, dev=${out}`,
      `log: ${folder}/log.txt`,
      'panic: action=fatal',
      'error: action=ignore',
      'info: action=ignore',
      'debug: action=ignore',
      'boot: floppy',
      'clock: sync=none',
    ];
    writeFileSync(join(folder, 'rc'), `${settings.join('\n')}\n`);
    // Debian's has a debugger, which waits to be told to go on, and dies of a pipe.
    writeFileSync(join(folder, 'commands'), 'c\n');
    const commands = openSync(join(folder, 'commands'), 'r');
    const bochs = spawn('bochs', ['-q', '-f', join(folder, 'rc')], { stdio: [commands, 'ignore', 'ignore'] });
    closeSync(commands);
    const timer = setTimeout(() => bochs.kill(), seconds * 1000);
    await new Promise((done) => bochs.on('exit', done));
    clearTimeout(timer);
    return readFileSync(out, 'latin1');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
