/**
 * The lines by which a guest tells what it is doing, on whatever console it has:
 *
 *   # operations=N    the next kernel does its work N times (bench/guests/events.c)
 *   @name             a kernel begins
 *   =checksum         it ends
 *   @done             all have ended
 *   # panic: why      it ends early
 *   # times=W,C       a native program's own measurement of the kernel that ends next: wall and CPU time in ns
 *
 * Otherwise time is taken when the last byte of a line leaves the guest.
 */

export interface Times {
  readonly wallMs: number;
  /** CPU time of the whole process, all its threads; NaN where it cannot be known. */
  readonly cpuMs: number;
}

export interface Mark extends Times {
  readonly name: string;
  readonly checksum: string;
  readonly operations?: number;
}

export class MarkerReader {
  readonly marks: Mark[] = [];
  readonly #clock: () => Times;
  #line = '';
  #name = '';
  #started: Times = { wallMs: 0, cpuMs: 0 };
  #operations: number | undefined;
  #times: Times | undefined;
  /** The guest has said `@done`, or why it cannot go on. */
  done = false;
  /** What it said when it panicked. */
  panic: string | undefined;

  constructor(clock: () => Times) {
    this.#clock = clock;
  }

  /** Takes a byte of console output. Returns true at the end of a line. */
  feed(byte: number): boolean {
    if (byte === 13) return false;
    if (byte !== 10) {
      if (this.#line.length < 256) this.#line += String.fromCharCode(byte);
      return false;
    }
    const line = this.#line;
    this.#line = '';
    if (line === '@done') this.done = true;
    else if (line.startsWith('@')) {
      this.#name = line.slice(1);
      this.#started = this.#clock();
    } else if (line.startsWith('=') && this.#name !== '') {
      const now = this.#clock();
      const { wallMs, cpuMs } = this.#times ?? {
        wallMs: now.wallMs - this.#started.wallMs,
        cpuMs: now.cpuMs - this.#started.cpuMs,
      };
      this.marks.push({
        name: this.#name,
        checksum: line.slice(1),
        wallMs,
        cpuMs,
        ...(this.#operations !== undefined && { operations: this.#operations }),
      });
      this.#name = '';
      this.#operations = undefined;
      this.#times = undefined;
    } else if (line.startsWith('# operations=')) {
      this.#operations = Number(line.slice(13));
    } else if (line.startsWith('# times=')) {
      const [wall = Number.NaN, cpu = Number.NaN] = line.slice(8).split(',').map(Number);
      this.#times = { wallMs: wall / 1e6, cpuMs: cpu / 1e6 };
    } else if (line.startsWith('# panic')) {
      this.panic = line.slice(2);
      this.done = true;
    }
    return true;
  }
}

/** Wall and CPU time of this process. */
export function ownTimes(): Times {
  const { user, system } = process.cpuUsage();
  return { wallMs: performance.now(), cpuMs: (user + system) / 1000 };
}
