/**
 * Runs the privileged guest on QEMU and Bochs, where they are installed, and compares what they print with expected.txt and
 * with what is recorded of them: `node guests/privileged/record.mjs [--write]`. With --write their traces and the lists in
 * departures.json are brought up to date; what nobody has explained yet gets an entry without a clause, which the test refuses.
 * Exit code 1: something is not as recorded or not explained.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import {
  bochsVersion,
  departures,
  departuresPath,
  differences,
  expectedPath,
  parse,
  qemuVersion,
  recordable,
  runBochs,
  runQemu,
  tracePath,
} from './peers.mjs';

const { values } = parseArgs({ options: { write: { type: 'boolean' } } });
const expected = parse(readFileSync(expectedPath, 'latin1'));
let open = 0;

/** Compares one peer's trace and says what is new. */
function compare(name, version, text) {
  const peer = departures[name];
  const path = tracePath(name);
  const trace = parse(text);
  const old = existsSync(path) ? parse(readFileSync(path, 'latin1')) : new Map();
  const changed = [...trace].filter(([experiment, events]) => old.get(experiment) !== events);
  for (const [experiment, events] of changed) console.log(`${name}: not as recorded: ${experiment} -- ${events}`);
  const found = differences(expected, trace, peer.flag?.bits ?? 0);
  const listed = new Set(peer.departures.flatMap((entry) => entry.lines));
  for (const experiment of listed) if (!found.has(experiment)) console.log(`${name}: now the same: ${experiment}`);
  const fresh = [...found.keys()].filter((experiment) => !listed.has(experiment));
  for (const experiment of fresh) {
    console.log(
      `${name}: unexplained: ${experiment}\n  expected ${expected.get(experiment)}\n  ${name} ${found.get(experiment)}`,
    );
  }
  open += fresh.length + (values.write ? 0 : changed.length);
  console.log(`${name} ${version}: ${expected.size - found.size} of ${expected.size} equal, ${found.size} depart`);
  if (!values.write) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, recordable(text), 'latin1');
  for (const entry of peer.departures) entry.lines = entry.lines.filter((experiment) => found.has(experiment));
  if (fresh.length > 0) peer.departures.push({ why: '', clause: '', lines: fresh });
  peer.departures = peer.departures.filter((entry) => entry.lines.length > 0);
}

if (qemuVersion()) compare('qemu', qemuVersion(), runQemu());
else console.log('no QEMU');
if (bochsVersion()) compare('bochs', bochsVersion(), await runBochs());
else console.log('no Bochs, or no gcc for its ROM');
if (values.write) writeFileSync(departuresPath, `${JSON.stringify(departures, null, 2)}\n`);
process.exitCode = open > 0 ? 1 : 0;
