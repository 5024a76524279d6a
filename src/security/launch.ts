/**
 * The measured launch of a host: what is measured into which PCR, in which order, before the first guest runs. Who knows the images
 * can compute the PCRs and so judge a quote.
 *
 *   PCR 0    the machine: the core's module                 (where a PC has its firmware)
 *   PCR 17   the hypervisor's policy, as text               (dynamic root of trust, D-RTM)
 *   PCR 8    each guest's image, command line and modules,  (where a boot loader measures kernels)
 *            in the order of domains
 */
import { type PcrEvent, replay } from './pcr.js';
import { Tpm } from './tpm.js';
import { sha256 } from './tpm-structures.js';

export const PCR_MACHINE = 0;
export const PCR_GUESTS = 8;
export const PCR_POLICY = 17;
export const LAUNCH_PCRS: readonly number[] = [PCR_MACHINE, PCR_GUESTS, PCR_POLICY];

export interface LaunchedHost {
  /** The core's module, as loaded. */
  readonly core: Uint8Array;
  /** The hypervisor's configuration in a form that is equal for equal configurations. */
  readonly policy: string;
  readonly guests: readonly LaunchedGuest[];
}

export interface LaunchedGuest {
  readonly name: string;
  readonly image: Uint8Array;
  readonly cmdline?: string;
  readonly modules?: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

/** What is measured, in this order. */
export function launchEvents({ core, policy, guests }: LaunchedHost): PcrEvent[] {
  return [
    { pcr: PCR_MACHINE, digest: sha256(core), event: 'core' },
    { pcr: PCR_POLICY, digest: sha256(Buffer.from(policy)), event: 'policy' },
    ...guests.flatMap(guestEvents),
  ];
}

function guestEvents({ name, image, cmdline, modules = [] }: LaunchedGuest): PcrEvent[] {
  const measured = (event: string, bytes: Uint8Array): PcrEvent => ({ pcr: PCR_GUESTS, digest: sha256(bytes), event });
  return [
    measured(name, image),
    ...(cmdline === undefined ? [] : [measured(`${name}: command line`, Buffer.from(cmdline, 'latin1'))]),
    ...modules.map((module) => measured(`${name}: module ${module.name}`, module.bytes)),
  ];
}

/** The TPM of a host with this seed after it measured all of that. */
export function launch(seed: string, host: LaunchedHost): Tpm {
  const tpm = new Tpm(seed);
  for (const { pcr, digest, event } of launchEvents(host)) tpm.extend(pcr, digest, event);
  return tpm;
}

/** What a verifier expects of a host that launched just this: the values of LAUNCH_PCRS. */
export function expectedPcrs(host: LaunchedHost): ReadonlyMap<number, Uint8Array> {
  const bank = replay(launchEvents(host));
  return new Map(LAUNCH_PCRS.map((pcr) => [pcr, bank.read(pcr)]));
}
