/**
 * Rebuilds the guests: `node guests/build.mjs [--output dir]`. Needs gcc with -m32 and GNU ld.
 * Writes images/*.elf and, unless another directory is given, manifest.json. The same compiler gives the same bytes.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { guests } from './catalogue.mjs';

const here = dirname(fileURLToPath(import.meta.url));

const COMPILE = (
  '-m32 -march=i686 -O2 -mgeneral-regs-only -mno-sse -ffreestanding -fno-pic -fno-pie -fno-stack-protector ' +
  '-fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections -Wall -Wextra -Werror -Ilib'
).split(' ');
const LINK = (
  '-m32 -nostdlib -static -no-pie -Wl,-T,lib/guest.ld -Wl,--gc-sections -Wl,--build-id=none ' +
  '-Wl,-z,max-page-size=64 -Wl,-z,noexecstack'
).split(' ');

const gcc = (args) => execFileSync('gcc', args, { cwd: here, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** "gcc (…) 12.2.0, GNU ld (…) 2.40": images can be compared only where this is the same. */
export function toolchain() {
  const first = (command) => execFileSync(command, ['--version'], { encoding: 'utf8' }).split('\n')[0];
  return `${first('gcc')}, ${first('ld')}`;
}

/** Builds every image into `output` and returns name → {file, bytes, sha256}. */
export function build(output) {
  const objects = mkdtempSync(join(tmpdir(), 'ringfence-guests-'));
  try {
    const compile = (source) => {
      const object = join(objects, `${source.replaceAll('/', '-')}.o`);
      gcc([...COMPILE, '-c', source, '-o', object]);
      return object;
    };
    mkdirSync(output, { recursive: true });
    const library = readdirSync(join(here, 'lib'))
      .filter((file) => /\.[cS]$/.test(file))
      .sort()
      .map((file) => compile(`lib/${file}`));
    const built = new Map();
    for (const { name, sources, script = 'guest' } of guests) {
      const own = sources.map(compile);
      const file = join(output, `${name}.elf`);
      const link = LINK.map((flag) => flag.replace('lib/guest.ld', `lib/${script}.ld`));
      gcc([...link, '-o', file, ...own, ...library]);
      chmodSync(file, 0o644);
      const bytes = readFileSync(file);
      built.set(name, {
        file: `${name}.elf`,
        bytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      });
    }
    return built;
  } finally {
    rmSync(objects, { recursive: true });
  }
}

function manifest(built) {
  const recorded = join(here, 'native', 'expected.json');
  const expected = existsSync(recorded) ? JSON.parse(readFileSync(recorded, 'utf8')).results : {};
  return {
    about: 'Written by guests/build.mjs; see guests/README.md',
    toolchain: toolchain(),
    flags: [...COMPILE, ...LINK].join(' '),
    guests: Object.fromEntries(
      guests.map(({ name, sources: _, script: __, ...rest }) => [
        name,
        { ...built.get(name), checksums: expected[name]?.[rest.cmdline] ?? {}, ...rest },
      ]),
    ),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { output: { type: 'string' } } });
  const built = build(values.output ?? join(here, 'images'));
  if (!values.output) writeFileSync(join(here, 'manifest.json'), `${JSON.stringify(manifest(built), null, 2)}\n`);
  for (const { file, bytes, sha256 } of built.values()) console.log(`${sha256}  ${String(bytes).padStart(6)}  ${file}`);
}
