/** One line on a terminal that tells how far a long run is. */
import type { Progress } from '../index.js';
import type { Output } from './io.js';
import { duration } from './table.js';

/** A run shorter than this shows nothing. */
const SILENT_MS = 1000;
const INTERVAL_MS = 200;

export interface ProgressLine {
  readonly update: (progress: Progress) => void;
  readonly clear: () => void;
}

/**
 * @param limitNs virtual time at which the host stops: the only end that is known beforehand
 * @param now milliseconds
 */
export function progressLine(output: Output, frequencyHz: number, limitNs: number, now: () => number): ProgressLine {
  const start = now();
  let last = Number.NEGATIVE_INFINITY;
  let shown = false;
  return {
    update: (progress) => {
      const time = now();
      if (!output.isTerminal || time - start < SILENT_MS || time - last < INTERVAL_MS) return;
      last = time;
      shown = true;
      const line = describe(progress, time - start, frequencyHz, limitNs);
      output.write(`\r\u001b[2K${line.slice(0, Math.max(1, output.columns - 1))}`);
    },
    clear: () => {
      if (shown) output.write('\r\u001b[2K');
      shown = false;
    },
  };
}

export function describe(progress: Progress, elapsedMs: number, frequencyHz: number, limitNs: number): string {
  const virtualNs = (progress.cycles / frequencyHz) * 1e9;
  const mips = progress.retired / (elapsedMs * 1000);
  const leftMs = virtualNs > 0 ? (elapsedMs * (limitNs - virtualNs)) / virtualNs : 0;
  const parts = [
    `${duration(virtualNs)} of virtual time`,
    `${progress.domainsEnded} of ${progress.domainsTotal} domains done`,
    `${mips.toFixed(0)} MIPS`,
    `${duration(elapsedMs * 1e6)} elapsed`,
  ];
  if (leftMs > 0 && leftMs < 86_400_000) parts.push(`at most ${duration(leftMs * 1e6)} left`);
  return parts.join(' · ');
}
