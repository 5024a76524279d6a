#!/usr/bin/env node
/** The `ringfence` command: connects the command line with the process. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../machine/core.js';
import { abortOnSignals, outputOf } from './io.js';
import { main } from './program.js';

const root = packageRoot();
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

process.exitCode = await main(process.argv.slice(2), {
  out: outputOf(process.stdout),
  err: outputOf(process.stderr),
  env: process.env,
  parallelism: availableParallelism(),
  signal: abortOnSignals(),
  guests: join(root, 'guests'),
  versions: {
    ringfence: version,
    node: process.versions.node,
    v8: process.versions.v8,
    platform: `${process.platform} ${process.arch}`,
  },
  machine: async () => (await import('../experiment/machine.js')).machine(),
});
