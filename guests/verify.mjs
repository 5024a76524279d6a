/**
 * Runs the guests on QEMU's i386 and compares their checksums with native/expected.json:
 * `node guests/verify.mjs [--all] [guest …]`. Without --all only the default command lines.
 * The last column is the number of retired instructions (QEMU's instruction counter).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { hostile, programs } from './catalogue.mjs';
import { checksums } from './native/record.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const POWEROFF = 33; // isa-debug-exit: value << 1 | 1
const CRASH = 65;
const { values, positionals } = parseArgs({
  options: { all: { type: 'boolean' } },
  allowPositionals: true,
});

/** QEMU's microvm has virtio over MMIO; the first device that is plugged in gets the last of its transports. */
const MICROVM = 'microvm,pic=on,pit=on,isa-serial=on,auto-kernel-cmdline=off';
const MICROVM_REGISTERS = 'registers=0xfeb02e00';

/** Arguments for a disk as the catalogue describes it: pseudo-random words, as guests/lib/guest.h makes them. */
function diskArguments({ bytes, seed }, folder) {
  const words = new Uint32Array(bytes / 4);
  let state = (Math.imul(seed, 2654435761) | 1) >>> 0;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state >>>= 0;
  }
  const file = join(folder, 'disk.img');
  writeFileSync(file, words);
  const drive = `if=none,id=disk,format=raw,snapshot=on,file=${file}`;
  const device = ['-drive', drive, '-device', 'virtio-blk-device,drive=disk'];
  return ['-M', MICROVM, '-global', 'virtio-mmio.force-legacy=off', ...device];
}

/** Runs one image and gives its exit status (null: stopped after `seconds`) and console log. */
function run(image, cmdline, memoryMiB, input = '', seconds = 60, machine = []) {
  const kernel = ['-kernel', join(here, 'images', image), '-append', `${cmdline} tsc=1`];
  const args = [...machine, ...kernel, '-m', String(memoryMiB)];
  const devices = [
    '-device',
    'isa-debug-exit,iobase=0xf4',
    '-serial',
    'stdio',
    '-display',
    'none',
    '-no-reboot',
    '-icount',
    'shift=0,sleep=off',
  ];
  const { status, stdout } = spawnSync('qemu-system-i386', [...args, ...devices], {
    input,
    encoding: 'latin1',
    timeout: seconds * 1000,
    maxBuffer: 1 << 28,
    killSignal: 'SIGKILL', // QEMU ends with status 0 on SIGTERM
  });
  return { status, log: stdout };
}

const expected = JSON.parse(readFileSync(join(here, 'native', 'expected.json'), 'utf8')).results;
const wanted = (name) => positionals.length === 0 || positionals.includes(name);
let wrong = 0;
const show = (good, name, cmdline, text) => {
  if (!good) wrong++;
  console.log(`${good ? 'ok   ' : 'WRONG'} ${name.padEnd(24)} ${cmdline.padEnd(36)} ${text}`);
};

const folder = mkdtempSync(join(tmpdir(), 'ringfence-verify-'));
for (const { name, memoryMiB = 4, cmdlines, input, disk, qemuDiffers } of programs.filter(({ name }) => wanted(name))) {
  if (qemuDiffers) {
    console.log(`skip  ${name.padEnd(24)} ${qemuDiffers}`);
    continue;
  }
  for (const cmdline of values.all ? cmdlines : cmdlines.slice(0, 1)) {
    if (disk && cmdline.includes('irq=')) continue; // that transport's line is not one of the 8259 pair
    const machine = disk ? diskArguments(disk, folder) : [];
    const kb = Number(/kb=(\d+)/.exec(cmdline)?.[1] ?? 0);
    const words = disk ? `${cmdline} ${MICROVM_REGISTERS}` : cmdline;
    const { status, log } = run(`${name}.elf`, words, Math.max(memoryMiB, (kb >> 10) + 4), input, 60, machine);
    const same = JSON.stringify(checksums(log)) === JSON.stringify(expected[name]?.[cmdline]);
    show(same && status === POWEROFF, name, cmdline, /# tsc=(\d+)/.exec(log)?.[1] ?? `status ${status}`);
  }
}

for (const { name, qemu, checksums: demanded, disk } of hostile.filter(({ name }) => wanted(`hostile-${name}`))) {
  const machine = disk ? diskArguments(disk, folder) : [];
  const words = disk ? MICROVM_REGISTERS : '';
  const { status, log } = run(`hostile-${name}.elf`, words, 4, '', qemu === 'stopped' ? 2 : 20, machine);
  const end = { [POWEROFF]: 'poweroff', [CRASH]: 'crash', 0: 'reset' }[status] ?? 'stopped';
  const same = !demanded || JSON.stringify(checksums(log)) === JSON.stringify(demanded);
  show(
    (end === qemu || qemu === 'any') && same,
    `hostile-${name}`,
    '',
    `${end}: ${log.split('\n').join(' ').slice(-120)}`,
  );
}
rmSync(folder, { recursive: true });
process.exitCode = wrong ? 1 : 0;
