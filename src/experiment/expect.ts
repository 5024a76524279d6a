/** Compares what a scenario claims with what a domain did. */
import type { DomainResult, Outcome } from '../hypervisor/types.js';
import type { ClaimFailure } from './cell.js';
import { readChecksums } from './checksums.js';
import type { DomainSpec, ExpectedOutcome } from './scenario.js';

const hex = (number: number): string => `0x${number.toString(16)}`;

/** One phrase for people: `poweroff`, `triple fault (vector 14)`, `EPT violation: write to 0x40000000`. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'shutdown':
      return outcome.reason === 'other' ? `shutdown (reason ${outcome.code})` : outcome.reason;
    case 'reset':
      return `reset (port ${hex(outcome.port)})`;
    case 'halted':
      return `halted (interrupts ${outcome.interrupts ? 'on' : 'off'})`;
    case 'triple-fault':
      return outcome.vector < 0 ? 'triple fault' : `triple fault (vector ${outcome.vector})`;
    case 'ept-violation':
      return `EPT violation (${outcome.access} ${hex(outcome.address)})`;
    case 'ept-misconfiguration':
      return `EPT misconfiguration (${hex(outcome.address)})`;
    case 'smm-violation':
      return `SMM violation (${outcome.violation}${outcome.frame < 0 ? '' : `, frame ${hex(outcome.frame)}`})`;
    case 'limit':
      return outcome.limit === 'instructions' ? 'limit (instructions)' : 'limit (host time)';
    case 'host-memory':
      return `no host memory for ${hex(outcome.address)}`;
    case 'not-forked':
      return 'never forked';
    case 'destroyed':
      return `destroyed by ${outcome.by}`;
    case 'unhandled-exit':
      return `unhandled exit (reason ${outcome.reason})`;
    case 'platform-error':
      return `platform error: ${outcome.message}`;
  }
}

function isOutcome(expected: ExpectedOutcome, outcome: Outcome): boolean {
  return outcome.kind === expected || (outcome.kind === 'shutdown' && outcome.reason === expected);
}

/** The claims of a domain that do not hold. */
export function failedClaims(spec: DomainSpec, result: DomainResult): ClaimFailure[] {
  const failed: ClaimFailure[] = [];
  const { outcome, checksum } = spec.expect ?? {};
  if (outcome !== undefined && !isOutcome(outcome, result.outcome)) {
    const found = describeOutcome(result.outcome);
    failed.push({ domain: spec.name, claim: 'outcome', expected: outcome, found });
  }
  if (checksum !== undefined) {
    const printed = readChecksums(result.console);
    const matches =
      typeof checksum === 'string'
        ? printed.at(-1)?.[1] === checksum
        : show(printed) === show(Object.entries(checksum));
    if (!matches) {
      const expected = typeof checksum === 'string' ? checksum : show(Object.entries(checksum));
      const found = printed.length === 0 ? 'none printed' : show(printed);
      failed.push({ domain: spec.name, claim: 'checksum', expected, found });
    }
  }
  return failed;
}

function show(checksums: readonly (readonly [string, string])[]): string {
  return checksums.map(([name, checksum]) => `${name}=${checksum}`).join(' ');
}
