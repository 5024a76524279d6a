/**
 * The one place where a policy decides: every operation by which domains come into being, get memory, reach each other or
 * are controlled asks here before anything changes, as Xen's paths ask XSM (xen/include/xsm/xsm.h).
 *
 *   operation ──▶ check(operation, subject, object) ──▶ permitted: carried out
 *                    │ counted in the subject's slot └─▶ denied: −EPERM, an audit entry, no state
 *
 * A policy is data, so that any worker decides alike: the first rule that matches, else permit.
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { HostError } from './types.js';

/**
 * What is asked about; the index in this list is the hook's number.
 *
 *   create, destroy   a domain begins; a domain ends itself, or a privileged one the object
 *   map, unmap        guest memory: populate_physmap, add_to_physmap; decrease_reservation, remove_from_physmap
 *   share             grant_table_op map and copy: the subject reaches pages of the object
 *   channel           event_channel_op alloc_unbound and bind_*: the object is the peer
 *   send              event_channel_op send
 *   schedule          a domain is put on a physical CPU: at boot, and when it joins a gang (the object is the gang's first)
 *   control           hvm_op set_param, vcpu_op timers; domctl and sysctl: the object is the domain that is controlled
 *   foreign           a privileged domain maps a page of the object, or (the object is itself) a machine frame
 */
export const OPERATIONS = [
  'create',
  'destroy',
  'map',
  'unmap',
  'share',
  'channel',
  'send',
  'schedule',
  'control',
  'foreign',
] as const;
export type Operation = (typeof OPERATIONS)[number];

const NUMBER: ReadonlyMap<Operation, number> = new Map(OPERATIONS.map((operation, i) => [operation, i]));

/** A rule of a policy. What is left out matches everything; domains are matched by name. */
export interface HookRule {
  readonly operation?: Operation;
  readonly subject?: string;
  readonly object?: string;
  readonly verdict: 'permit' | 'deny';
}

/** A rule with domains by index, −1 for any: what workers get. */
export interface ResolvedRule {
  readonly operation: number;
  readonly subject: number;
  readonly object: number;
  readonly permit: boolean;
}

/** A denied operation. */
export interface AuditEntry {
  readonly operation: Operation;
  readonly subject: number;
  readonly object: number;
}

/** Denials that one pCPU notes in one quantum; further ones are counted only. */
export const AUDIT_PER_QUANTUM = 64;

/** Throws HostError for a rule that names no domain of the host. */
export function resolveRules(rules: readonly HookRule[], names: readonly string[]): readonly ResolvedRule[] {
  const index = (name: string | undefined): number => {
    if (name === undefined) return -1;
    const at = names.indexOf(name);
    if (at < 0) throw new HostError('security-rule', `a security rule names '${name}', which is no domain`);
    return at;
  };
  return rules.map(({ operation, subject, object, verdict }) => {
    const number = operation === undefined ? -1 : NUMBER.get(operation);
    if (number === undefined) throw new HostError('security-rule', `'${operation}' is no operation of the hook table`);
    return { operation: number, subject: index(subject), object: index(object), permit: verdict === 'permit' };
  });
}

/** Whether these rules permit an operation to everybody: then asking them can be left out, not counting. */
export function permitsAll(rules: readonly ResolvedRule[], operation: Operation): boolean {
  const number = NUMBER.get(operation)!;
  return rules.every((rule) => rule.permit || (rule.operation >= 0 && rule.operation !== number));
}

export class Hooks {
  readonly #core: Core;
  readonly #host: HostView;
  readonly #rules: readonly ResolvedRule[];
  #audit: AuditEntry[] = [];

  constructor(core: Core, rules: readonly ResolvedRule[] = []) {
    this.#core = core;
    this.#host = new HostView(core);
    this.#rules = rules;
  }

  /** Asks whether domain `subject` may do `operation` to domain `object`, counts the verdict and notes a denial. */
  check(operation: Operation, subject: number, object: number = subject): boolean {
    const number = NUMBER.get(operation)!;
    const permit = this.#decide(number, subject, object);
    const at = (this.#host.domainAddress(subject) + this.#core.layout.DOMAIN_HOOKS + 8 * number) >>> 2;
    const slot = permit ? at : at + 1;
    this.#core.u32[slot] = this.#core.u32[slot]! + 1;
    if (!permit && this.#audit.length < AUDIT_PER_QUANTUM) this.#audit.push({ operation, subject, object });
    return permit;
  }

  #decide(operation: number, subject: number, object: number): boolean {
    for (const rule of this.#rules) {
      if (rule.operation >= 0 && rule.operation !== operation) continue;
      if (rule.subject >= 0 && rule.subject !== subject) continue;
      if (rule.object >= 0 && rule.object !== object) continue;
      return rule.permit;
    }
    return true;
  }

  /** Takes the denials since the last call, in order. */
  takeAudit(): readonly AuditEntry[] {
    const audit = this.#audit;
    this.#audit = []; // also where it is empty: what comes later is none of what was taken
    return audit;
  }
}

export interface VerdictCount {
  readonly permitted: number;
  readonly denied: number;
}

/** Verdicts on what a domain asked for; operations that it never asked for are left out. */
export function verdictCounts(core: Core, domain: number): Readonly<Partial<Record<Operation, VerdictCount>>> {
  const counts: Partial<Record<Operation, VerdictCount>> = {};
  for (const [number, operation] of OPERATIONS.entries()) {
    const at = domain + core.layout.DOMAIN_HOOKS + 8 * number;
    const permitted = core.read(at);
    const denied = core.read(at + 4);
    if (permitted + denied > 0) counts[operation] = { permitted, denied };
  }
  return counts;
}
