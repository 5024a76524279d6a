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

export const EXIT_HELP = `Exit codes:
  0    the run ended and every claim of the scenario holds
  1    the run ended, but a claim (an expected outcome or checksum) failed
  2    the arguments or the scenario are wrong; nothing was run
  3    a guest cannot be started, or the platform failed
  70   an internal error of Ringfence
  130  interrupted (Ctrl-C); 143 terminated. No results are written.`;

/** Ends the command with a message and an exit code; never shown with a stack. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
