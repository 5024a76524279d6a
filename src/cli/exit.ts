/** Exit codes: the same numbers in the help, the README and the tests. */
export const EXIT = {
  ok: 0,
  claimFailed: 1,
  usage: 2,
  fault: 3,
  internal: 70,
  interrupted: 130,
  terminated: 143,
} as const;

/** What they mean to a command that runs scenarios. */
export const EXIT_CODES = {
  0: 'the run ended and every claim of the scenario holds',
  1: 'the run ended, but a claim failed (an outcome, checksum or condition)',
  2: 'the arguments or the scenario are wrong; nothing was run',
  3: 'a guest cannot be started, a cell not be run, or the platform failed',
  70: 'an internal error of Ringfence',
  130: 'interrupted (Ctrl-C); 143 terminated. A sweep goes on with --resume.',
} as const;

export const EXIT_HELP = [
  'Exit codes:',
  ...Object.entries(EXIT_CODES).map(([code, what]) => `  ${code.padEnd(3)}  ${what}`),
].join('\n');

/** Ends the command with a message and an exit code; never shown with a stack. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
