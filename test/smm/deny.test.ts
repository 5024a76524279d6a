/** `deny: fault`: VM0 may map protected pages of others, and faults where it touches one. With `deny: ciphertext` it reads DRAM. */
import { describe, expect, it } from 'vitest';
import { runScenario, type ScenarioInput } from '../../src/index.js';

const WINDOW = 0xe000_0000; // of guests/programs/smm-attack.c

type Deny = 'ciphertext' | 'fault';

async function attack(attack: string, protection: 'none' | 'ctr' | 'xts+mac' | 'ctr+mac+tree', deny: Deny) {
  const scenario: ScenarioInput = {
    host: { pcpus: 1, scrub: false, smm: { policy: 'flush', deny } },
    limits: { time: '20s' },
    domains: {
      victim: {
        ...{ guest: 'smm-victim', memory: '4MiB', cmdline: 'peer=2', input: 'the quick red fox told nobody\n' },
        protection,
      },
      thief: { guest: 'smm-thief', memory: '8MiB', cmdline: 'peer=2' },
      vm0: { guest: 'smm-attack', memory: '8MiB', privileged: true, cmdline: `attack=${attack}` },
      bystander: { guest: 'sieve', memory: '4MiB', protection: 'ctr', cmdline: 'n=2000 rounds=1' },
    },
  };
  const { results, broken } = await runScenario(scenario, { workers: 1 });
  expect(broken).toEqual([]);
  expect(results.deterministic.zeroSum).toBe(true);
  const [victim, thief, vm0, bystander] = results.deterministic.domains;
  return { victim: victim!, thief: thief!, vm0: vm0!, bystander: bystander! };
}

describe('what VM0 touches of a protected domain', () => {
  // Each reads the victim's record first, to have it before it changes.
  it.each(['dump', 'splice', 'flip', 'replay', 'replay-all', 'keystream'])('faults: %s', async (name) => {
    for (const protection of ['ctr', 'xts+mac', 'ctr+mac+tree'] as const) {
      const { victim, vm0, bystander } = await attack(name, protection, 'fault');
      expect(vm0.outcome).toMatchObject({ kind: 'smm-violation', violation: 'permission' });
      expect(vm0.outcome).toHaveProperty('linear', WINDOW);
      expect(vm0.smm.violations).toEqual({ permission: 1, context: 0, integrity: 0, freshness: 0 });
      // The victim waits for the one who is gone; nothing was done to it, and neighbours do not notice.
      expect(victim.outcome.kind).toBe('halted');
      expect(victim.smm.violations).toEqual({ permission: 0, context: 0, integrity: 0, freshness: 0 });
      expect(bystander.outcome.kind).toBe('shutdown');
    }
  });

  it('does not fault where it is not protected, nor with deny: ciphertext', async () => {
    const open = await attack('dump', 'none', 'fault');
    expect([open.vm0.outcome.kind, open.victim.outcome.kind]).toEqual(['shutdown', 'shutdown']);
    const sealed = await attack('dump', 'ctr', 'ciphertext');
    expect([sealed.vm0.outcome.kind, sealed.victim.outcome.kind]).toEqual(['shutdown', 'shutdown']);
    expect(sealed.vm0.smm.violations.permission).toBe(0);
  });
});
