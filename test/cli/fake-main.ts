/** The command as a process of its own, with the fake machine: for tests of signals and of pipes. */
import { abortOnSignals, outputOf } from '../../src/cli/io.js';
import { main } from '../../src/cli/program.js';
import { fakeMachine } from './fake-machine.js';

const [guests = '', runMs = '0', ...argv] = process.argv.slice(2);

process.exitCode = await main(argv, {
  out: outputOf(process.stdout),
  err: outputOf(process.stderr),
  env: process.env,
  parallelism: 2,
  signal: abortOnSignals(),
  guests,
  versions: { ringfence: '0.0.0-test' },
  machine: async () => {
    process.stderr.write('started\n');
    return fakeMachine({ runMs: Number(runMs) });
  },
});
