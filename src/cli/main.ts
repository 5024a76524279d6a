#!/usr/bin/env node
/** The `ringfence` command: connects the command line with the process. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { machine, packageRoot, versions } from '../index.js';
import { abortOnSignals, outputOf } from './io.js';
import { main } from './program.js';

process.exitCode = await main(process.argv.slice(2), {
  out: outputOf(process.stdout),
  err: outputOf(process.stderr),
  env: process.env,
  parallelism: availableParallelism(),
  signal: abortOnSignals(),
  guests: join(packageRoot(), 'guests'),
  versions: versions(),
  machine: async () => machine(),
});
